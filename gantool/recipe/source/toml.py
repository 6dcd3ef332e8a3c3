"""Tokens of a TOML text, and where each of its keys, values and headers stands.

`tomllib` needs seconds for a long dotted key and overflows the stack on deep brackets, so every
text passes `find_hazard` first. Values come from `tomllib`; the scanner only remembers places. Of
a text that `tomllib` refuses it gives the places up to the error, and it never fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 64 * 1024
MOST_DEPTH = 8
LONGEST_WORD = 100
KeyPath = tuple[str | int, ...]
"""Names of tables and options, and indices into arrays, from the top of a document."""

PATTERN = re.compile(
    r'''
      (?P<blank> [ \t]++ )
    | (?P<newline> \n )
    | (?P<comment> \#[^\n]*+ )
    | (?P<string>
          """ (?: [^"\\] | \\[\s\S] | "{1,2}(?!") )*+ "{3,5}
        | \'\'\' (?: [^'] | '{1,2}(?!') )*+ '{3,5}
        | " (?!"") (?: [^"\\\n] | \\[^\n] )*+ "
        | ' (?!'') [^'\n]*+ '
      )
    | (?P<word> [^\s\[\]{}=,."'\#]++ )
    | (?P<mark> [\[\]{}=,.] )
    | (?P<unclosed> ["'] )
    | (?P<other> [\s\S] )
    ''',
    re.VERBOSE,
)
"""No alternative ever backtracks, so that splitting takes linear time."""


class Span(NamedTuple):
    """The characters `text[start:end]`."""

    start: int
    end: int


class Token(NamedTuple):
    """A piece of the text: `text[start:end]`, of one of the pattern's kinds."""

    kind: str
    text: str
    start: int
    end: int


END = Token("end", "", 0, 0)


def split(text: str) -> Iterator[Token]:
    """Yield the tokens of a text, up to a quote that is never closed, if there is one."""
    for match in PATTERN.finditer(text):
        kind = match.lastgroup or "other"
        yield Token(kind, match.group(), match.start(), match.end())
        if kind == "unclosed":
            return


def find_hazard(text: str) -> tuple[str, int] | None:
    """Return the first thing that could stall a parser, in words, and its first character."""
    brackets = dots = 0
    for token in split(text):
        if token.kind == "word" and len(token.text) > LONGEST_WORD:
            size = len(token.text)
            message = f"a name or number of {size} characters, at most {LONGEST_WORD} fit"
            return message, token.start
        if token.text == ".":
            dots += 1
        elif token.text in "[]{}=,\n":
            dots = 0
            brackets += (token.text in "[{") - (token.text in "]}")
        if brackets > MOST_DEPTH:
            return f"brackets nested more than {MOST_DEPTH} deep", token.start
        if dots >= MOST_DEPTH:
            return f"a name of more than {MOST_DEPTH} parts", token.start
    return None


@dataclass
class Positions:
    """Spans of the parts of a document in its text."""

    keys: dict[KeyPath, Span] = field(default_factory=dict)
    """The last part of each key, also as it first occurs in a header or a dotted key."""
    values: dict[KeyPath, Span] = field(default_factory=dict)
    """Each value, arrays and inline tables as a whole too."""
    headers: dict[KeyPath, Span] = field(default_factory=dict)
    """Each `[table]` and each entry's `[[array of tables]]`, brackets included."""
    repeated: list[tuple[Span, Span]] = field(default_factory=list)
    """Second definitions of the same path, each with the first one."""

    def key(self, path: KeyPath) -> Span:
        """Return the span of a key, or of the longest known beginning of its path."""
        return _nearest(path, self.keys, self.values, self.headers)

    def value(self, path: KeyPath) -> Span:
        """Return the span of a value; of a table with a header, that of the header."""
        return _nearest(path, self.values, self.headers, self.keys)

    def header(self, path: KeyPath) -> Span:
        """Return the span of a table's header, or of what introduces it instead."""
        return _nearest(path, self.headers, self.keys, self.values)


def _nearest(path: KeyPath, *maps: dict[KeyPath, Span]) -> Span:
    beginnings = (path[:length] for length in range(len(path), 0, -1))
    known = (spans[part] for part in beginnings for spans in maps if part in spans)
    return next(known, Span(0, 0))


def locate(text: str) -> Positions:
    """Return the positions in a text that passed `find_hazard` and holds no carriage return."""
    scanner = _Scanner(text)
    try:
        while scanner.peek() is not END:
            scanner.statement()
    except _LostError:
        pass
    return scanner.positions


class _LostError(Exception):
    """The text is not TOML from here on."""


class _Scanner:
    """Recursive descent over tokens; the depth is bounded by `find_hazard`."""

    def __init__(self, text: str) -> None:
        self.tokens = [token for token in split(text) if token.kind not in ("blank", "comment")]
        self.index = 0
        self.table: KeyPath = ()
        self.entries: dict[KeyPath, int] = {}
        self.positions = Positions()

    def peek(self) -> Token:
        return self.tokens[self.index] if self.index < len(self.tokens) else END

    def take(self, expected: str | None = None) -> Token:
        token = self.peek()
        if token is END or (expected is not None and token.text != expected):
            raise _LostError
        self.index += 1
        return token

    def skip_newlines(self) -> None:
        while self.peek().kind == "newline":
            self.take()

    def statement(self) -> None:
        self.skip_newlines()
        if self.peek().text == "[":
            self.header()
        elif self.peek() is not END:
            self.pair(self.table)
        if self.peek() is not END:
            self.take("\n")

    def header(self) -> None:
        start = self.take("[").start
        is_entry = self.peek().text == "["
        if is_entry:
            self.take("[")
        names = self.names()
        end = self.take("]").end
        if is_entry:
            end = self.take("]").end
        self.open_table(names, Span(start, end), is_entry)

    def open_table(self, names: list[tuple[str, Span]], span: Span, is_entry: bool) -> None:
        path: KeyPath = ()
        for name, where in names[:-1]:
            path = (*path, name)
            self.positions.keys.setdefault(path, where)
            if path in self.entries:  # the newest entry of an array is meant
                path = (*path, self.entries[path] - 1)
        name, where = names[-1]
        path = (*path, name)
        if is_entry:
            self.positions.keys.setdefault(path, where)
            self.entries[path] = self.entries.get(path, 0) + 1
            path = (*path, self.entries[path] - 1)
        self.define(path, where, self.positions.headers, span)
        self.table = path

    def pair(self, path: KeyPath) -> None:
        *outer, (name, where) = self.names()
        for each, there in outer:
            path = (*path, each)
            self.positions.keys.setdefault(path, there)
        self.take("=")
        path = (*path, name)
        self.define(path, where, self.positions.values, self.value(path))

    def define(
        self, path: KeyPath, where: Span, spans: dict[KeyPath, Span], definition: Span
    ) -> None:
        """Remember a definition, or that it is the second one of its path."""
        if path in self.positions.values or path in self.positions.headers:
            self.positions.repeated.append((self.positions.key(path), where))
            return
        self.positions.keys.setdefault(path, where)
        spans[path] = definition

    def names(self) -> list[tuple[str, Span]]:
        names = [self.name()]
        while self.peek().text == ".":
            self.take()
            names.append(self.name())
        return names

    def name(self) -> tuple[str, Span]:
        token = self.take()
        if token.kind not in ("word", "string"):
            raise _LostError
        return unquote(token.text), Span(token.start, token.end)

    def value(self, path: KeyPath) -> Span:
        if self.peek().text == "[":
            return self.array(path)
        if self.peek().text == "{":
            return self.inline_table(path)
        if self.peek().kind == "string":
            token = self.take()
            return Span(token.start, token.end)
        return self.scalar()

    def scalar(self) -> Span:
        """Numbers and dates may hold dots, and one blank between date and time."""
        first = last = self.take()
        if first.kind != "word":
            raise _LostError
        while self.peek().kind == "word" or self.peek().text == ".":
            last = self.take()
        return Span(first.start, last.end)

    def array(self, path: KeyPath) -> Span:
        start = self.take("[").start
        length = 0
        while self.next_item("]"):
            element = (*path, length)
            self.positions.values[element] = self.value(element)
            length += 1
            self.separator("]")
        return Span(start, self.take("]").end)

    def inline_table(self, path: KeyPath) -> Span:
        start = self.take("{").start
        while self.next_item("}"):
            self.pair(path)
            self.separator("}")
        return Span(start, self.take("}").end)

    def next_item(self, closing: str) -> bool:
        self.skip_newlines()
        return self.peek().text != closing

    def separator(self, closing: str) -> None:
        if self.next_item(closing):
            self.take(",")


def unquote(key: str) -> str:
    """Return the name that a bare or quoted key stands for."""
    if not key.startswith(("'", '"')):
        return key
    import tomllib

    try:
        return next(iter(tomllib.loads(f"{key} = 0")))
    except tomllib.TOMLDecodeError:
        return key[1:-1]
