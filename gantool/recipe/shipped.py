"""The recipes that come with gantool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".toml"
FOR_PICTURES = "base"
"""The recipe that a folder of pictures is read by where none is named."""


@dataclass(frozen=True)
class ShippedRecipe:
    """A recipe that can be named without a folder.

    Attributes:
        name: The file's name without its suffix.
        path: The file.
        summary: First line of its header comment.
    """

    name: str
    path: Path
    summary: str


def shipped_folder(package: Path | None = None) -> Path:
    """Return the folder of shipped recipes: in the wheel, or else in the checkout.

    Args:
        package: Folder of the package gantool; by default the one that is running.
    """
    package = package or Path(__file__).parents[1]
    in_wheel = package / "_recipes"
    return in_wheel if in_wheel.is_dir() else package.parent / "recipes"


def shipped_recipes() -> list[ShippedRecipe]:
    """Return the shipped recipes, sorted by name."""
    found = sorted(shipped_folder().glob(f"*{SUFFIX}"))
    return [ShippedRecipe(path.stem, path, _summary(path)) for path in found]


def shipped_names() -> list[str]:
    """Return the names of the shipped recipes, sorted."""
    return sorted(path.stem for path in shipped_folder().glob(f"*{SUFFIX}"))


def find_shipped(name: str) -> Path | None:
    """Return the file of a shipped recipe, named with or without its suffix, or None."""
    stem = name.removesuffix(SUFFIX)
    return shipped_folder() / f"{stem}{SUFFIX}" if stem in shipped_names() else None


def _summary(path: Path) -> str:
    """Return the first line of the header comment."""
    with path.open(encoding="utf-8") as lines:
        first = next(lines, "")
    return first.removeprefix("#").strip() if first.startswith("#") else ""
