"""JSON of a run folder, read with caution: what is wrong is reported and left out."""

from __future__ import annotations

import errno
import json
import logging
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from gantool.errors import UsageError
from gantool.files.plain import open_plain
from gantool.recipe.source.wording import reword

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pydantic import TypeAdapter, ValidationError
    from pydantic_core import ErrorDetails

log = logging.getLogger("gantool")

FEW = 3
"""Places named for each file, and fields for each place; the rest is counted."""
MOST_STEPS = 10**12
"""No run takes more steps."""
LARGEST = 1e100
"""Largest figure that is believed: they are computed in float32, and squares stay finite."""
Step = Annotated[int, Field(ge=0, le=MOST_STEPS)]
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
MOST_BYTES = 2**21
"""Size limit of a file that is read whole; gantool writes none that is larger."""


class Damages:
    """The damage found in a run's files."""

    def __init__(self) -> None:
        self._found: dict[Path, list[str]] = {}
        self._counts: Counter[Path] = Counter()

    def note(self, path: Path, what: str, line: int | None = None) -> None:
        """Note what is wrong in a file, and in which line, from 1, of a file of lines."""
        place = "" if line is None else f", line {line:,}"
        self._counts[path] += 1
        if self._counts[path] <= FEW:
            self._found.setdefault(path, []).append(f"{path}{place}: {what}")

    def __bool__(self) -> bool:
        return bool(self._counts)

    @property
    def words(self) -> tuple[str, ...]:
        """A sentence for each damaged place, the first few of each file."""
        told: list[str] = []
        for path, sentences in self._found.items():
            told += sentences
            if (more := self._counts[path] - len(sentences)) > 0:
                told.append(f"{path}: {more:,} more like these")
        return tuple(told)

    def say(self) -> None:
        """Warn of what was found."""
        for sentence in self.words:
            log.warning("%s", sentence)


def in_words(error: ValidationError, within: str = "") -> str:
    """Return which fields are wrong, what was expected there, and what was found."""
    wrong = fields_of(error)
    told = [f"{f'{within}.{field}'.strip('.')}: {said}" for field, said in wrong.items()][:FEW]
    return "; ".join([*told, *([f"{len(wrong) - FEW} more"] if len(wrong) > FEW else [])])


def fields_of(error: ValidationError) -> dict[str, str]:
    """Return what is wrong with each field, by its dotted name."""
    by_place: dict[str, list[ErrorDetails]] = {}
    for each in error.errors(include_url=False):
        by_place.setdefault(".".join(map(str, each["loc"])), []).append(each)
    return {place: _said(errors) for place, errors in by_place.items()}


def _said(errors: Sequence[ErrorDetails]) -> str:
    first: dict[str, Any] = dict(errors[0])
    if first["type"] == "missing":
        return "it is missing"
    if first["type"] == "json_invalid":
        return f"not JSON: {first['ctx']['error']}"
    return reword(errors, first["input"])


def number(value: object) -> float | None:
    """Return a value if it is a number that can be computed with."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if -LARGEST <= value <= LARGEST else None


def read_document(path: Path, kind: Any, damages: Damages | None = None) -> Any:
    """Return what a JSON file holds, as a type that pydantic knows.

    If `damages` are given, they are told of wrong fields, which then have their defaults.

    Raises:
        UsageError: When the file is missing or holds something else; it names the fields.
    """
    try:
        text = read_bounded(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error
    return checked(text, path, kind, damages)


def checked(text: bytes, path: Path, kind: Any, damages: Damages | None = None) -> Any:
    """Return what JSON says, as a type that pydantic knows; arguments as of `read_document`.

    Raises:
        UsageError: When it says something else; it names the fields.
    """
    from pydantic import ValidationError

    adapter = _adapter(kind)
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        wrong = fields_of(error)
        found = None if damages is None or "" in wrong else _mended(adapter, text, wrong)
        if damages is None or found is None:
            said = "; ".join(f"{field}: {what}".removeprefix(": ") for field, what in wrong.items())
            raise UsageError(f"{path} cannot be read: {said}") from error
    for field, what in wrong.items():
        damages.note(path, f"{field}: {what}; it is left out")
    return found


def read_bounded(path: Path) -> bytes:
    """Return what a plain file holds.

    Raises:
        OSError: When it cannot be opened, is no plain file, or larger than any that gantool writes.
    """
    with open_plain(path) as file:
        content: bytes = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, f"larger than {MOST_BYTES // 2**20} MB", str(path))
    return content


def _mended(adapter: TypeAdapter[Any], text: bytes, wrong: Mapping[str, str]) -> Any | None:
    """Return the rest without the wrong fields, or None if that is not enough."""
    from pydantic import ValidationError
    from pydantic_core import from_json

    fields = {field.partition(".")[0] for field in wrong}
    kept = {name: value for name, value in from_json(text).items() if name not in fields}
    try:
        return adapter.validate_json(json.dumps(kept))
    except ValidationError:
        return None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
