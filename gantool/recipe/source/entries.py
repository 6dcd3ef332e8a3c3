"""Recipe values that remember where they were said, read from files however hostile."""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gantool.recipe.source.problems import Place, Source
from gantool.recipe.source.toml import MOST_BYTES, KeyPath, Span, find_hazard, split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gantool.recipe.source.problems import Problems

DATES = (datetime.date, datetime.time)  # a datetime is a date
BYTE_ORDER_MARK = "\ufeff"
WHERE = re.compile(r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
TWICE = re.compile(r"overwrite|twice|[Dd]uplicate|immutable namespace")
WORD = re.compile(r"[A-Za-z_][\w.-]*")
CONSTANTS = {"True": "true", "False": "false"}


@dataclass(frozen=True)
class Origin:
    """The origin of a value: a source, and the path in its own document."""

    source: Source
    path: KeyPath

    @property
    def key(self) -> Place:
        """The key."""
        return Place(self.source, self.source.positions.key(self.path), self.path)

    @property
    def value(self) -> Place:
        """The value behind the key."""
        return Place(self.source, self.source.positions.value(self.path), self.path)

    @property
    def header(self) -> Place:
        """The header of the table, or what introduces the table instead."""
        return Place(self.source, self.source.positions.header(self.path), self.path)

    @property
    def end(self) -> Place:
        """The end of the whole source, where something could be added."""
        length = len(self.source.text or "")
        return Place(self.source, Span(length, length), self.path)


@dataclass(frozen=True)
class Entry:
    """A value of a recipe, and where it was said.

    A scalar, a list of entries, or a dictionary of entries by name. In what `--set` arguments say,
    a dictionary by index stands for changed elements of an array.
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

    @property
    def leaves(self) -> Iterator[Entry]:
        """The entries inside that are neither tables nor arrays."""
        if not isinstance(self.value, dict | list):
            yield self
        for inside in [*self.table.values(), *self.elements]:
            yield from inside.leaves

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


class UnreadableError(Exception):
    """A file could not be read at all; the text says why."""


def read(path: Path, *, label: str, rank: int, problems: Problems) -> Entry | None:
    """Return the document of a recipe file; None where the text is no TOML, or unfit for a recipe.

    There may be no such file: that is an `UnreadableError`.
    """
    content = _content(path)
    text = content.decode(errors="replace").replace("\r\n", "\n")
    source = Source(label, path.absolute().parent, rank, text)
    if len(content) > MOST_BYTES:
        message = f"a recipe has at most {MOST_BYTES:,} bytes, this file has more"
        problems.add(message, Place(source, Span(0, 0)))
        return None
    try:
        content.decode()
    except UnicodeDecodeError as error:
        offset = len(content[: error.start].decode().replace("\r\n", "\n"))
        message = f"a recipe is UTF-8 text, found the byte 0x{content[error.start]:02x}"
        problems.add(message, _character(source, offset))
        return None
    return _parse(text, source, problems)


def _content(path: Path) -> bytes:
    """Return the file's bytes, no more than it takes to see that there are too many."""
    try:
        if path.is_dir():
            raise UnreadableError(f"{path} is a folder")
        if not path.is_file():  # a pipe or a device would never end
            raise UnreadableError(f"there is no file {path}")
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UnreadableError(f"cannot read {path}: {reason}") from error


def _parse(text: str, source: Source, problems: Problems) -> Entry | None:
    if text.startswith(BYTE_ORDER_MARK):
        message, way_out = "the file starts with a byte order mark", "save it as plain UTF-8"
        problems.add(message, _character(source, 0), way_out)
        return None
    if hazard := find_hazard(text):
        message, offset = hazard
        problems.add(message, _character(source, offset))
        return None
    try:
        document = annotate(tomllib.loads(text), source)
    except tomllib.TOMLDecodeError as error:
        _explain(str(error), text, source, problems)
        return None
    refuse_unfit(document, problems)
    return document


def _character(source: Source, offset: int) -> Place:
    return Place(source, Span(offset, offset + 1))


def refuse_unfit(document: Entry, problems: Problems) -> None:
    """Name the values that TOML allows and no recipe can hold: dates, NaN, huge numbers."""
    for leaf in document.leaves:
        value, place = leaf.value, leaf.origin.value
        if isinstance(value, DATES):
            message = f"a recipe holds no dates or times, got {value}"
            problems.add(message, place, "put text into quotes")
        elif isinstance(value, float) and not math.isfinite(value):
            problems.add(f"expected a finite number, got {value}", place)
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            bits = value.bit_length() + 1
            problems.add(f"expected a number of at most 64 bits, got one of {bits} bits", place)


def _explain(error: str, text: str, source: Source, problems: Problems) -> None:
    where = WHERE.search(error)
    offset = _offset(text, where)
    message = error[: where.start()] if where else error
    unclosed = next((token for token in split(text) if token.kind == "unclosed"), None)
    if TWICE.search(message) and source.positions.repeated:
        first, second = source.positions.repeated[0]
        line = Place(source, first).line
        name = text[second.start : second.end]
        problems.add(f"'{name}' is given twice", Place(source, second), f"first in line {line}")
    elif unclosed and offset >= unclosed.start:
        problems.add("text whose quote is never closed", _character(source, unclosed.start))
    else:
        message = f"not TOML: {message[:1].lower()}{message[1:]}"
        problems.add(message, _character(source, offset), _way_out(text, offset))


def _offset(text: str, where: re.Match[str] | None) -> int:
    """Return the character that tomllib's "line, column" means; the last one by default."""
    if where is None or where["line"] is None:
        return max(0, len(text.rstrip()) - 1)
    start = 0
    for _ in range(int(where["line"]) - 1):
        start = text.index("\n", start) + 1
    return start + int(where["column"]) - 1


def _way_out(text: str, offset: int) -> str | None:
    """Offer quotes where a bare word stands for text."""
    word = WORD.match(text, offset)
    if word is None or not text[:offset].rstrip(" \t").endswith(("=", "[", ",")):
        return None
    return f"write {CONSTANTS.get(word.group(), chr(34) + word.group() + chr(34))}"
