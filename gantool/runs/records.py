"""Figures of a run, one JSON object a line."""

from __future__ import annotations

import io
import json
import logging
import math
import os
from typing import TYPE_CHECKING, Any

from gantool.files.durable import sync, write_durably
from gantool.files.plain import is_plain_file, open_plain

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
        """Yield the objects; a torn last line, left by a crash, is passed over."""
        if not is_plain_file(self.path):
            return
        with io.TextIOWrapper(open_plain(self.path), "utf-8", errors="replace") as file:
            for line in file:
                if not line.endswith("\n"):
                    return
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):
                    return
                if not isinstance(record, dict) or not isinstance(record.get("step"), int):
                    return
                yield record

    def cut_after(self, step: int) -> None:
        """Drop the records of later steps, and a torn last line; the file is replaced at once."""
        self._waiting, self._size = [], None
        if not self.path.exists():
            return
        kept = [record for record in self.read() if record["step"] <= step]
        text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in kept)
        write_durably(self.path, text)

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


def number(value: object) -> float | None:
    """Return a value if it is a finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if math.isfinite(value) else None


def _is_non_finite(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
