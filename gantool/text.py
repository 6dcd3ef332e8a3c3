"""Text that people read, whatever names from outside stand in it."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def visible(text: str, kept: str = "\n\t") -> str:
    r"""Return the text with whatever could steer a terminal spelled out, as in `\x1b`.

    So are the bytes of a file's name that are no text where it was read, which no file in UTF-8
    could hold.
    """
    return "".join(
        char if char.isprintable() or char in kept else char.encode("unicode_escape").decode()
        for char in text
    )


def markdown(text: object) -> str:
    """Return text that Markdown shows as it is: no tag, no link, no end of a line or of a cell."""
    flat = " ".join(visible(str(text)).split())
    return re.sub(r"([|<>`*_\[\]\\])", r"\\\1", flat)


def near(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return the known names that look most like one, the most similar first."""
    return difflib.get_close_matches(name, list(known), n=most)


def guess(name: str, known: Iterable[str], most: int = 1) -> str | None:
    """Return the question whether the most similar known name, or one of some, was meant."""
    meant = near(name, known, most)
    return f"did you mean {one_of(meant)}?" if meant else None


def one_of(choices: Iterable[str]) -> str:
    """Return names as a choice: 'a', 'b' or 'c'."""
    *some, last = [f"'{choice}'" for choice in choices]
    return f"{', '.join(some)} or {last}" if some else last


def numbered(names: Iterable[str]) -> list[str]:
    """Return names that are told apart: "l2", and "l2-2" where it occurs for the second time."""
    occurrences: Counter[str] = Counter()
    told = []
    for name in names:
        occurrences[name] += 1
        told.append(name if occurrences[name] == 1 else f"{name}-{occurrences[name]}")
    return told
