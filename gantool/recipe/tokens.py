"""Split the text of a TOML file into tokens, and refuse text that would stall a parser.

`tomllib` needs seconds for a long dotted key and overflows the stack on deep brackets, so every
text passes here first. The pass is linear: no alternative of the pattern ever backtracks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 64 * 1024
MOST_DEPTH = 8
LONGEST_WORD = 100

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


class Token(NamedTuple):
    """A piece of the text: `text[start:end]`, of one of the pattern's kinds."""

    kind: str
    text: str
    start: int
    end: int


class Hazard(NamedTuple):
    """Something that no recipe needs and that could stall a parser."""

    message: str
    offset: int


def split(text: str) -> Iterator[Token]:
    """Yield the tokens of a text, up to a quote that is never closed, if there is one."""
    for match in PATTERN.finditer(text):
        kind = match.lastgroup or "other"
        yield Token(kind, match.group(), match.start(), match.end())
        if kind == "unclosed":
            return


def find_hazard(text: str) -> Hazard | None:
    """Return the first over-deep bracket, over-long key or over-long word of a text."""
    brackets = dots = 0
    for token in split(text):
        if token.kind == "word" and len(token.text) > LONGEST_WORD:
            return Hazard(
                f"a name or number of {len(token.text)} characters, at most {LONGEST_WORD} fit",
                token.start,
            )
        if token.text == ".":
            dots += 1
        elif token.text in "[]{}=,\n":
            dots = 0
            brackets += _step(token.text)
        if brackets > MOST_DEPTH:
            return Hazard(f"brackets nested more than {MOST_DEPTH} deep", token.start)
        if dots >= MOST_DEPTH:
            return Hazard(f"a name of more than {MOST_DEPTH} parts", token.start)
    return None


def _step(mark: str) -> int:
    """Return how a mark changes the depth of brackets."""
    return (mark in "[{") - (mark in "]}")
