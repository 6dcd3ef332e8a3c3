"""Write the pages that follow from the code: `python docs/generate.py`.

A test compares them with the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from generating import commands, components, contract_checks, interfaces, recipes

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = Path(__file__).parent
NOTE = "<!-- Made by docs/generate.py; what it says is said in the code. -->"


def pages() -> dict[str, str]:
    """Return the text of every generated page by its file's name."""
    return {
        "commands.md": _page("Commands", commands.INTRODUCTION, commands.content()),
        "components.md": _page("Components", components.INTRODUCTION, components.content()),
        "contract-checks.md": _page(
            "Contract checks", contract_checks.INTRODUCTION, contract_checks.content()
        ),
        "interfaces.md": _page("Interfaces", interfaces.INTRODUCTION, interfaces.content()),
        "recipes.md": recipes.rewritten((FOLDER / "recipes.md").read_text(encoding="utf-8")),
    }


def _page(title: str, introduction: str, parts: Iterable[str]) -> str:
    return "\n\n".join([NOTE, f"# {title}", introduction.strip(), *parts]) + "\n"


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
