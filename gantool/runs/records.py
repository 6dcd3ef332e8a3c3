"""Figures of a run, one JSON object a line."""

from __future__ import annotations

import json
import logging
import math
import os
from typing import TYPE_CHECKING, Any

from gantool.files.durable import sync, written_aside
from gantool.files.plain import open_plain
from gantool.runs.history.damage import Damages
from gantool.runs.history.lines import step_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

log = logging.getLogger("gantool")

TAIL_BYTES = 1 << 16
"""Much more than a line."""


class JsonLines:
    """A file of JSON objects that have a "step", in rising order, appended to and cut back.

    What a full disk refuses waits in memory and is written with the next line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: list[str] = []
        self._size: int | None = None  # bytes of whole lines; None before the first is written

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a line. What JSON cannot say, NaN and infinity, becomes null and is named."""
        values = {key: None if _is_non_finite(value) else value for key, value in record.items()}
        if lost := [key for key, value in record.items() if _is_non_finite(value)]:
            values["non_finite"] = lost
        self._waiting.append(json.dumps(values, allow_nan=False) + "\n")
        try:
            self._write_out()
        except OSError as error:
            log.warning("%s could not be written, which is tried again: %s", self.path.name, error)

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the objects; what is damaged is passed over, and told, unless a crash tore it."""
        damages = Damages()
        for line in step_lines(self.path, damages):
            yield line.values
        damages.say()

    def cut_after(self, step: int) -> None:
        """Drop the records of later steps and what is damaged; the file is replaced at once."""
        self._waiting, self._size = [], None
        if not self.path.exists():
            return
        damages = Damages()
        with written_aside(self.path) as aside, aside.open("wb") as file:
            lines = step_lines(self.path, damages)
            file.writelines(line.line.text for line in lines if line.step <= step)
        damages.say()

    def sync(self) -> None:
        """Make what was appended durable.

        Raises:
            OSError: When the disk is full or failing.
        """
        if self._waiting:
            self._write_out()
        if self.path.exists():
            with open_plain(self.path, "ab") as file:
                sync(file)

    def _write_out(self) -> None:
        """Write the lines that wait, behind the last whole one."""
        with open_plain(self.path, "ab") as file:
            if self._size is not None:
                file.truncate(self._size)  # a line that an earlier failure has torn
            self._size = file.seek(0, 2)
            file.write("".join(self._waiting).encode())
            file.flush()
            self._size = file.tell()
        self._waiting.clear()


def last_step(path: Path) -> int:
    """Return the step of the last whole line of a file of records; 0 where there is none."""
    try:
        with open_plain(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            *lines, _ = file.read().split(b"\n")  # what follows the last break is torn, or empty
        step = json.loads(lines[-1])["step"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return 0
    return step if type(step) is int else 0


def _is_non_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
