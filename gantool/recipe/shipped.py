"""The recipes that come with gantool, and the file that a recipe's name or path means."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from gantool.errors import RecipeError
from gantool.interfaces.dataset import is_image_name
from gantool.text import guess

SUFFIX = ".toml"
FOR_PICTURES = "base"
"""The recipe that a folder of pictures is read by where none is named."""


@dataclass(frozen=True)
class ShippedRecipe:
    """A recipe that can be named without a folder, and the first line of its header."""

    name: str
    path: Path
    summary: str


def shipped_folder(package: Path | None = None) -> Path:
    """Return the folder of shipped recipes: in the wheel's package, or else in the checkout."""
    package = package or Path(__file__).parents[1]
    in_wheel = package / "_recipes"
    return in_wheel if in_wheel.is_dir() else package.parent / "recipes"


def shipped_recipes() -> list[ShippedRecipe]:
    """Return the shipped recipes, sorted by name."""
    paths = sorted(shipped_folder().glob(f"*{SUFFIX}"))
    return [ShippedRecipe(path.stem, path, _summary(path)) for path in paths]


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


def find(recipe: str | Path) -> Path:
    """Return the file that a recipe's name or path on the command line means.

    Raises:
        RecipeError: When it is neither a file nor a shipped recipe.
    """
    path = Path(recipe)
    if os.path.isfile(path):  # unlike the method, it never raises
        if is_image_name(path.name):
            raise RecipeError(f"'{recipe}' is an image, not a recipe", _for_pictures(path.parent))
        if is_archive(path):
            raise RecipeError(f"'{recipe}' is a zip file, not a recipe", _for_pictures(path))
        return path
    if shipped := find_shipped(str(recipe)):
        return shipped
    if path.is_dir():
        raise RecipeError(f"'{recipe}' is a folder, not a recipe", _ways_in(path))
    raise RecipeError(
        f"no recipe {str(recipe)!r}: it is neither a file nor a shipped recipe", _nearest(path)
    )


def _ways_in(folder: Path) -> str:
    """Return the way out for a folder that was named in the place of a recipe."""
    if inside := sorted(folder.glob(f"*{SUFFIX}")):
        return f"did you mean {inside[0]}?"
    return _for_pictures(folder)


def is_archive(path: Path) -> bool:
    """Whether a path ends like a zip file's, which may hold pictures and is no recipe."""
    return path.suffix.lower() == ".zip"


def _for_pictures(folder: Path) -> str:
    """Return the commands for a folder, or zip file, of pictures."""
    named = quote(str(folder))
    return (
        f"to train on the pictures in it: gantool run {FOR_PICTURES} --set dataset.folder={named}, "
        f"or few-paintings in place of {FOR_PICTURES} for a few hundred; "
        f"to look at them first: gantool data inspect {named}"
    )


def _nearest(path: Path) -> str:
    """Return the recipe that may be meant: beside the path, or among the shipped ones."""
    if os.path.isfile(f"{path}{SUFFIX}"):
        return f"did you mean '{path}{SUFFIX}'?"
    shipped = shipped_names()
    folder = path.parent
    beside = [each.name for each in folder.glob(f"*{SUFFIX}")] if os.path.isdir(folder) else []
    near = guess(path.name, beside) if path.suffix == SUFFIX else None
    return (
        near or guess(path.name.removesuffix(SUFFIX), shipped) or f"shipped: {', '.join(shipped)}"
    )
