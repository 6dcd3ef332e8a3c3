"""Figures of a run, one JSON object a line: appended, cut back, and read line by line."""

from __future__ import annotations

import json
import logging
import math
import os
from collections import deque
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from gantool.files.disk import sync, written_aside
from gantool.files.plain import open_plain
from gantool.runs.documents import MOST_STEPS, Damages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

log = logging.getLogger("gantool")

TAIL_BYTES = 1 << 16
"""Bytes read from the end of a file: many lines."""
LONGEST = 2**20
"""Longest line in bytes; gantool writes none that is longer."""
MOST_KEPT = 2**22
"""Bytes of lines that are kept at once: some 2,000 evaluations."""


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

    def cut_after(self, step: int) -> None:
        """Drop the records of later steps and what is damaged; the file is replaced at once."""
        self._waiting, self._size = [], None
        if not self.path.exists():
            return
        damages = Damages()
        with written_aside(self.path) as aside, aside.open("wb") as file:
            lines = step_lines(self.path, damages)
            file.writelines(line.text for line in lines if line.step <= step)
        damages.say()

    def sync(self) -> None:
        """Make what was appended durable."""
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


class StepLine(NamedTuple):
    """An object with a step, and the line that holds it."""

    number: int
    text: bytes
    step: int
    values: dict[str, Any]


def raw_lines(path: Path, damages: Damages) -> Iterator[tuple[int, bytes]]:
    """Yield numbers and texts of the lines of a file that may be missing.

    A last line that a crash has torn is skipped; lines that are too long are reported.
    """
    try:
        file = open_plain(path)
    except FileNotFoundError:
        return
    except OSError as error:
        damages.note(path, f"it cannot be read: {error.strerror or error}")
        return
    with file:
        for number, text in enumerate(iter(lambda: file.readline(LONGEST), b""), 1):
            if text.endswith(b"\n"):
                yield number, text
            elif _skip_rest(file):
                damages.note(path, f"longer than {LONGEST:,} bytes, and skipped", number)


def _skip_rest(file: IO[bytes]) -> bool:
    """Read to the end of a line; return whether it has one."""
    return any(text.endswith(b"\n") for text in iter(lambda: file.readline(LONGEST), b""))


def newest_lines(path: Path, damages: Damages, most: int) -> Iterable[tuple[int, bytes]]:
    """Return at most so many of the last lines of a file, and fewer where they are long."""
    kept: deque[tuple[int, bytes]] = deque()
    size = dropped = 0
    for number, text in raw_lines(path, damages):
        kept.append((number, text))
        size += len(text)
        while size > MOST_KEPT or len(kept) > most:
            size -= len(kept.popleft()[1])
            dropped += 1
    if dropped:
        damages.note(path, f"of {len(kept) + dropped:,} lines, the newest {len(kept):,} are read")
    return kept


def step_lines(path: Path, damages: Damages) -> Iterator[StepLine]:
    """Yield every object that has a step, which is a whole number."""
    from pydantic_core import from_json

    for number, text in raw_lines(path, damages):
        try:
            values = from_json(text, allow_inf_nan=False)
        except ValueError as error:
            said = str(error).replace("at line 1 column", "at column")
            damages.note(path, f"not JSON, and skipped: {said}", number)
            continue
        step = values.get("step") if isinstance(values, dict) else None
        if type(step) is int and 0 <= step <= MOST_STEPS:
            yield StepLine(number, text, step, values)
        else:
            damages.note(path, "it has no step that is a whole number, and is skipped", number)


def rising(lines: Iterable[StepLine], path: Path, damages: Damages) -> Iterator[StepLine]:
    """Yield lines whose steps rise, leaving out those that fit their neighbors less."""
    before, held = -1, None
    for line in lines:
        if held is None or line.step > held.step:
            if held is not None:
                before = held.step
                yield held
            held = line
            continue
        odd, held = (held, line) if line.step > before else (line, held)
        damages.note(path, f"step {odd.step:,} is out of order, and skipped", odd.number)
    if held is not None:
        yield held
