"""Text for people, made safe for terminals and Markdown; suggestions, numbered names, epochs."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def visible(text: str, kept: str = "\n\t") -> str:
    r"""Return the text with whatever could steer a terminal spelled out, as in `\x1b`.

    Bytes of a file's name that are not text are spelled out too: UTF-8 could not hold them.
    """
    return "".join(
        char if char.isprintable() or char in kept else char.encode("unicode_escape").decode()
        for char in text
    )


def markdown(text: object) -> str:
    """Return text that Markdown shows as it is: without tags, links, ends of lines or cells."""
    flat = " ".join(visible(str(text)).split())
    return re.sub(r"([|<>`*_\[\]\\])", r"\\\1", flat)


def near(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return the known names that look most like one, the most similar first."""
    return difflib.get_close_matches(name, list(known), n=most)


def guess(name: str, known: Iterable[str], most: int = 1) -> str | None:
    """Return a question for the known names that look most like one; None if none does."""
    meant = near(name, known, most)
    return f"did you mean {one_of(meant)}?" if meant else None


def one_of(choices: Iterable[str]) -> str:
    """Return names as a choice: 'a', 'b' or 'c'."""
    *some, last = [f"'{choice}'" for choice in choices]
    return f"{', '.join(some)} or {last}" if some else last


def numbered(names: Iterable[str]) -> list[str]:
    """Return names told apart: the second "l2" becomes "l2-2"."""
    occurrences: Counter[str] = Counter()
    told = []
    for name in names:
        occurrences[name] += 1
        told.append(name if occurrences[name] == 1 else f"{name}-{occurrences[name]}")
    return told


def format_epoch(epoch: float) -> str:
    """Return an epoch with one decimal, or none where it is whole, or two in the first epoch."""
    if 0 < epoch < 0.95:
        return f"{epoch:.2f}"
    return f"{epoch:,.0f}" if float(f"{epoch:.1f}").is_integer() else f"{epoch:,.1f}"
