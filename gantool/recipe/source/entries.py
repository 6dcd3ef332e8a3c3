"""Recipe values that remember where they were said."""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.recipe.source.problems import Place, Source
from gantool.recipe.source.toml import (
    MOST_BYTES,
    KeyPath,
    Span,
    find_hazard,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gantool.recipe.source.problems import Problems

DATES = (datetime.date, datetime.time)  # a datetime is a date


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


BYTE_ORDER_MARK = "\ufeff"
WHERE = re.compile(r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
TWICE = re.compile(r"overwrite|twice|[Dd]uplicate|immutable namespace")
WORD = re.compile(r"[A-Za-z_][\w.-]*")
CONSTANTS = {"True": "true", "False": "false"}


class UnreadableError(Exception):
    """A file could not be read at all; the text says why."""


def read(path: Path, *, label: str, rank: int, problems: Problems) -> Entry | None:
    """Read a recipe file.

    Args:
        path: The file.
        label: How messages name it.
        rank: Its turn among the sources of the recipe.
        problems: Is told what is wrong with the text.

    Returns:
        The document, or None where the text is no TOML or not fit for a recipe.

    Raises:
        UnreadableError: When there is no such file, or it cannot be read.
    """
    content = _content(path)
    text = content.decode(errors="replace").replace("\r\n", "\n")
    source = Source(label, path.absolute().parent, rank, text)
    if len(content) > MOST_BYTES:
        message = f"a recipe has at most {MOST_BYTES:,} bytes, this file has more"
        problems.add(message, Place(source, Span(0, 0)), ())
        return None
    try:
        content.decode()
    except UnicodeDecodeError as error:
        offset = len(content[: error.start].decode().replace("\r\n", "\n"))
        message = f"a recipe is UTF-8 text, found the byte 0x{content[error.start]:02x}"
        problems.add(message, Place(source, Span(offset, offset + 1)), ())
        return None
    return parse(source, problems)


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


def parse(source: Source, problems: Problems) -> Entry | None:
    """Return the document of a source's text, or None and a problem where it is no TOML."""
    text = source.text or ""
    if text.startswith(BYTE_ORDER_MARK):
        message, way_out = "the file starts with a byte order mark", "save it as plain UTF-8"
        problems.add(message, Place(source, Span(0, 1)), (), way_out)
        return None
    if hazard := find_hazard(text):
        place = Place(source, Span(hazard.offset, hazard.offset + 1))
        problems.add(hazard.message, place, ())
        return None
    try:
        document = annotate(tomllib.loads(text), source)
    except tomllib.TOMLDecodeError as error:
        _explain(str(error), source, problems)
        return None
    report_unfit(document, problems)
    return document


def report_unfit(document: Entry, problems: Problems) -> None:
    """Name the values that TOML allows and no recipe can hold: dates, NaN, huge numbers."""
    for leaf in leaves(document):
        if reason := unfit(leaf.value):
            problems.add(reason[0], leaf.origin.value, leaf.origin.path, reason[1])


def _explain(error: str, source: Source, problems: Problems) -> None:
    """Turn tomllib's message into a problem that points at the culprit."""
    text = source.text or ""
    where = WHERE.search(error)
    offset = _offset(text, where)
    message = error[: where.start()] if where else error
    repeated = source.positions.repeated
    unclosed = next((token for token in split(text) if token.kind == "unclosed"), None)
    if TWICE.search(message) and repeated:
        first, second = repeated[0]
        line = Place(source, first).line
        name = text[second.start : second.end]
        message = f"'{name}' is given twice"
        problems.add(message, Place(source, second), (), f"first in line {line}")
    elif unclosed and offset >= unclosed.start:
        place = Place(source, Span(unclosed.start, unclosed.end))
        problems.add("text whose quote is never closed", place, ())
    else:
        message = f"{message[:1].lower()}{message[1:]}"
        place = Place(source, Span(offset, offset + 1))
        problems.add(f"not TOML: {message}", place, (), _way_out(text, offset))


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
