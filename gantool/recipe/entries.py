"""Recipe values that remember where they were said."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gantool.recipe.positions import KeyPath, Positions, Span, locate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATES = (datetime.date, datetime.time)  # a datetime is a date


@dataclass(frozen=True, eq=False)
class Source:
    """A recipe file, or one `--set` argument.

    Attributes:
        label: How messages name it.
        folder: What its relative paths are relative to.
        rank: Its turn among the sources of a recipe: the file, its parents, the arguments.
        text: The file's text, with line ends of one character; None for an argument.
    """

    label: str
    folder: Path
    rank: int = 0
    text: str | None = None

    @cached_property
    def positions(self) -> Positions:
        """Where everything stands in the text."""
        return locate(self.text or "")


@dataclass(frozen=True)
class Place:
    """A span of a source; arguments are not divided into spans."""

    source: Source
    span: Span

    @property
    def standing(self) -> tuple[int, int]:
        """What sorts places: the source's turn, then the first character."""
        return self.source.rank, self.span.start

    @property
    def line(self) -> int:
        """Line of the first character, from 1."""
        return (self.source.text or "").count("\n", 0, self.span.start) + 1

    @property
    def column(self) -> int:
        """Character in that line, from 1."""
        return self.span.start - (self.source.text or "").rfind("\n", 0, self.span.start)

    def __str__(self) -> str:
        label = self.source.label
        return label if self.source.text is None else f"{label}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Origin:
    """Where something was said: a path in a source's own document."""

    source: Source
    path: KeyPath

    @property
    def key(self) -> Place:
        """The key."""
        return Place(self.source, self.source.positions.key(self.path))

    @property
    def value(self) -> Place:
        """The value behind the key."""
        return Place(self.source, self.source.positions.value(self.path))

    @property
    def header(self) -> Place:
        """The header of the table, or what introduces the table instead."""
        return Place(self.source, self.source.positions.header(self.path))

    @property
    def end(self) -> Place:
        """The end of the whole source, where something could be added."""
        length = len(self.source.text or "")
        return Place(self.source, Span(length, length))


@dataclass(frozen=True)
class Entry:
    """A value of a recipe and its origin.

    Attributes:
        value: A scalar, a list of entries, or a dictionary of entries by name. In what `--set`
            arguments say, a dictionary by index stands for changed elements of an array.
        origin: Where it was said.
    """

    value: Any
    origin: Origin

    @property
    def table(self) -> dict[Any, Entry]:
        """The entries of a table; none where the value is no table."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def elements(self) -> list[Entry]:
        """The entries of an array; none where the value is no array."""
        return self.value if isinstance(self.value, list) else []

    def said(self, name: str) -> Any:
        """Return the plain value of an option in this table, or None."""
        return plain(self.table[name]) if name in self.table else None

    def without(self, *names: str) -> Entry:
        """Return the same table without some of its options."""
        kept = {name: entry for name, entry in self.table.items() if name not in names}
        return Entry(kept, self.origin)


def annotate(value: Any, source: Source, path: KeyPath = ()) -> Entry:
    """Return plain data as entries that know their place in a source."""
    if isinstance(value, dict):
        value = {name: annotate(item, source, (*path, name)) for name, item in value.items()}
    elif isinstance(value, list):
        value = [annotate(item, source, (*path, index)) for index, item in enumerate(value)]
    return Entry(value, Origin(source, path))


def plain(entry: Entry) -> Any:
    """Return the values without their origins."""
    if isinstance(entry.value, dict):
        return {name: plain(item) for name, item in entry.value.items()}
    if isinstance(entry.value, list):
        return [plain(item) for item in entry.value]
    return entry.value


def follow(entry: Entry, path: KeyPath) -> tuple[Entry, KeyPath]:
    """Follow a path as far as the data goes; return what is there and the path that led to it.

    Names that the data does not have are left out: validators put the branches of unions there.
    """
    led: KeyPath = ()
    for name in path:
        inside: dict[Any, Entry] = dict(enumerate(entry.elements)) or entry.table
        if name in inside:
            entry, led = inside[name], (*led, name)
    return entry, led


def leaves(entry: Entry) -> Iterator[Entry]:
    """Yield the entries that are neither tables nor arrays."""
    if isinstance(entry.value, dict | list):
        for inside in [*entry.table.values(), *entry.elements]:
            yield from leaves(inside)
    else:
        yield entry


def unfit(value: Any) -> tuple[str, str | None] | None:
    """Return why a TOML value can be no option of a recipe and the way out, or None if it can."""
    if isinstance(value, DATES):
        return f"a recipe holds no dates or times, got {value}", "put text into quotes"
    if isinstance(value, float) and not math.isfinite(value):
        return f"expected a finite number, got {value}", None
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return (
            f"expected a number of at most 64 bits, got one of {value.bit_length() + 1} bits",
            None,
        )
    return None
