"""Damage that was found in a run's files, in words."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from gantool.recipe.wording import reword

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

log = logging.getLogger("gantool")

FEW = 3
"""Places that are told of each file, and fields of each place; of the rest, how many."""


class Damages:
    """Collects what cannot be read, file by file."""

    def __init__(self) -> None:
        self._found: dict[Path, list[str]] = {}
        self._counts: dict[Path, int] = {}

    def note(self, path: Path, what: str, line: int | None = None) -> None:
        """Take note of one thing.

        Args:
            path: The file.
            what: What was expected, and what was found.
            line: Its line, from 1, in a file of lines.
        """
        place = "" if line is None else f", line {line:,}"
        self._counts[path] = self._counts.get(path, 0) + 1
        if self._counts[path] <= FEW:
            self._found.setdefault(path, []).append(f"{path}{place}: {what}")

    def __bool__(self) -> bool:
        return bool(self._counts)

    @property
    def words(self) -> tuple[str, ...]:
        """A sentence for each damaged place, of each file the first few."""
        return tuple(self._told())

    def say(self) -> None:
        """Warn of what was found."""
        for sentence in self._told():
            log.warning("%s", sentence)

    def _told(self) -> Iterator[str]:
        for path, sentences in self._found.items():
            yield from sentences
            if (more := self._counts[path] - len(sentences)) > 0:
                yield f"{path}: {more:,} more like these"


def in_words(error: ValidationError, within: str = "") -> str:
    """Return which fields are wrong, what was expected there, and what was found.

    Args:
        error: What pydantic says.
        within: The field of a line that all of them are part of.
    """
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
