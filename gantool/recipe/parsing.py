"""From a recipe file to entries, however hostile the file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.recipe.entries import Entry, Place, Source, annotate, leaves, unfit
from gantool.recipe.positions import Span
from gantool.recipe.tokens import MOST_BYTES, find_hazard, split

if TYPE_CHECKING:
    from gantool.recipe.problems import Problems

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
