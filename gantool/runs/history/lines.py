"""Files of one JSON object a line, read line by line; damage costs its own line and is told."""

from __future__ import annotations

from collections import deque
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from gantool.files.plain import open_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gantool.runs.history.damage import Damages

LONGEST = 2**20
"""Bytes of a line; what is longer was not written by gantool."""
MOST_STEPS = 10**12
"""No run takes more steps."""
MOST_KEPT = 2**22
"""Bytes of a file's lines that are kept where each of them is: some 2,000 evaluations."""


class Line(NamedTuple):
    """A line as it is in the file.

    Attributes:
        number: From 1.
        text: With its end.
    """

    number: int
    text: bytes


class StepLine(NamedTuple):
    """An object with a step."""

    line: Line
    step: int
    values: dict[str, Any]


def raw_lines(path: Path, damages: Damages) -> Iterator[Line]:
    """Yield the lines of a file that may be missing.

    A torn last line, which a crash leaves, is passed over; one that is too long is told.
    """
    try:
        file = open_plain(path)
    except FileNotFoundError:
        return
    except OSError as error:
        damages.note(path, f"it cannot be read: {error.strerror or error}")
        return
    with file:
        number = 0
        while text := file.readline(LONGEST):
            number += 1
            if text.endswith(b"\n"):
                yield Line(number, text)
            elif _skip_rest(file):
                damages.note(path, f"longer than {LONGEST:,} bytes, and skipped", number)


def _skip_rest(file: IO[bytes]) -> bool:
    """Read to the end of a line; return whether it has one."""
    while text := file.readline(LONGEST):
        if text.endswith(b"\n"):
            return True
    return False


def newest_lines(path: Path, damages: Damages, most: int) -> Iterable[Line]:
    """Return the last lines of a file, at most so many, and fewer where they are long."""
    kept: deque[Line] = deque()
    size = dropped = 0
    for line in raw_lines(path, damages):
        kept.append(line)
        size += len(line.text)
        while size > MOST_KEPT or len(kept) > most:
            size -= len(kept.popleft().text)
            dropped += 1
    if dropped:
        damages.note(path, f"of {len(kept) + dropped:,} lines, the newest {len(kept):,} are read")
    return kept


def step_lines(path: Path, damages: Damages) -> Iterator[StepLine]:
    """Yield every object that has a step, which is a whole number."""
    from pydantic_core import from_json

    for line in raw_lines(path, damages):
        try:
            values = from_json(line.text, allow_inf_nan=False)
        except ValueError as error:
            said = str(error).replace("at line 1 column", "at column")
            damages.note(path, f"not JSON, and skipped: {said}", line.number)
            continue
        step = values.get("step") if isinstance(values, dict) else None
        if type(step) is int and 0 <= step <= MOST_STEPS:
            yield StepLine(line, step, values)
        else:
            damages.note(path, "it has no step that is a whole number, and is skipped", line.number)


def rising(lines: Iterable[StepLine], path: Path, damages: Damages) -> Iterator[StepLine]:
    """Yield lines whose steps rise: of two that do not, the one that fits its neighbors less."""
    before, held = -1, None
    for line in lines:
        if held is None or line.step > held.step:
            if held is not None:
                before = held.step
                yield held
            held = line
            continue
        odd, held = (held, line) if line.step > before else (line, held)
        damages.note(path, f"step {odd.step:,} is out of order, and skipped", odd.line.number)
    if held is not None:
        yield held
