"""Pieces of Markdown: tables, and docstrings with their sections as lists."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from gantool.cli.plugins.describe import default, meaning
from gantool.cli.plugins.options import options_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pydantic import BaseModel

SECTIONS = ("Args", "Attributes", "Raises", "Returns")


def from_docstring(docstring: str) -> str:
    """Return a docstring with its sections as lists."""
    paragraphs = []
    for paragraph in docstring.split("\n\n"):
        title, _, rest = paragraph.partition("\n")
        section = title.removesuffix(":")
        if title.endswith(":") and section in SECTIONS:
            paragraphs.append(f"{section}:\n\n{_items(rest, named=section != 'Returns')}")
        else:
            paragraphs.append(" ".join(paragraph.split()))
    return "\n\n".join(paragraphs)


def _items(text: str, *, named: bool) -> str:
    """Return the entries of a section as a list; indented further, a line goes on."""
    entries: list[str] = []
    for line in inspect.cleandoc(text).splitlines():
        if line.startswith(" ") or (entries and not named):
            entries[-1] += f" {line.strip()}"
        else:
            entries.append(line)
    if named:
        pairs = (entry.partition(": ") for entry in entries)
        entries = [f"`{name}`: {meaning}" for name, _, meaning in pairs]
    return "\n".join(f"- {entry}" for entry in entries)


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in line)} |" for line in lines)


def options_table(model: type[BaseModel], without: Collection[str] = ()) -> str:
    """Return the options of a component, or of a recipe's table, with type and default.

    Args:
        model: Whose fields they are.
        without: Names of options to leave out.
    """
    bears_upon = getattr(model, "bears_upon", "training")
    rows = [
        (f"`{each.name}`", each.type, default(each), meaning(each, bears_upon))
        for each in options_of(model)
        if each.name not in without
    ]
    if not rows:
        return "It has no options."
    return table(("option", "type", "default", "meaning"), rows)


def code(text: str, language: str = "") -> str:
    """Return a block of code."""
    return f"```{language}\n{text.strip()}\n```"


def replace_part(page: str, name: str, content: str) -> str:
    """Return a page with new content between the comments of a part that is generated.

    Raises:
        ValueError: When the page does not have that part once.
    """
    pattern = re.compile(rf"(<!-- {name}: .*? -->\n).*?(<!-- end -->)", re.DOTALL)
    written, count = pattern.subn(lambda found: f"{found[1]}\n{content}\n\n{found[2]}", page)
    if count != 1:
        raise ValueError(f"expected one part '{name}', found {count}")
    return written


def _cell(text: str) -> str:
    return text.replace("|", r"\|")
