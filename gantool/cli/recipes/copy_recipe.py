"""`gantool copy-recipe`: a shipped recipe to change, with the recipes it extends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.arguments import argument, complete_shipped, examples
from gantool.cli.output import print_lines
from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@examples(
    "gantool copy-recipe spectral",
    "gantool copy-recipe spectral recipes/mine.toml",
    "gantool copy-recipe spectral recipes --force",
)
def copy_recipe(
    name: Annotated[str, argument("NAME", "The name of a shipped recipe.", complete_shipped)],
    destination: Annotated[
        Path,
        argument("DEST", "A folder, or a file that ends in .toml; by default the working folder."),
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that differ.")] = False,
) -> None:
    """Copy a shipped recipe to change it, with those it extends.

    The paths of the files are printed. Files that are there already are left as they are if they
    are equal, and otherwise refused without --force.
    """
    copies = dict(_copies(name, destination))
    if not force:
        refuse_changes(copies)
    for target, content in copies.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        if force or not target.exists():
            write(target, content, force=force)
    print_lines(copies)


def write(target: Path, content: bytes, *, force: bool) -> None:
    """Write a file, without `force` only where nothing is."""
    try:
        with target.open("wb" if force else "xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise UsageError(f"{target} was made by somebody else meanwhile") from error


def _copies(name: str, destination: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield each file to be written, the recipe itself first, and its content."""
    from gantool.recipe.shipped import find_shipped, shipped_names
    from gantool.text import guess

    source = find_shipped(name)
    if source is None:
        known = shipped_names()
        raise UsageError(
            f"no shipped recipe '{name}'", guess(name, known) or f"shipped: {', '.join(known)}"
        )
    is_file = destination.suffix == ".toml"
    folder = destination.parent if is_file else destination
    target = destination if is_file else folder / source.name
    yield target, source.read_bytes()
    for parent in _parents(source):
        if parent.name == target.name:
            raise UsageError(f"{target} is where '{parent.stem}' goes, which it extends")
        yield folder / parent.name, parent.read_bytes()


def _parents(recipe: Path) -> Iterator[Path]:
    """Yield the shipped recipes that a shipped recipe extends, the nearest first."""
    import tomllib

    from gantool.recipe.shipped import find_shipped

    while extends := tomllib.loads(recipe.read_text(encoding="utf-8")).get("extends"):
        parent = find_shipped(extends)
        assert parent is not None, f"{recipe} extends {extends}, which is not shipped"
        recipe = parent
        yield recipe


def refuse_changes(copies: dict[Path, bytes]) -> None:
    """Refuse to overwrite files whose content differs."""
    changed = [
        str(target)
        for target, content in copies.items()
        if target.exists() and target.read_bytes() != content
    ]
    if changed:
        raise UsageError(
            f"files that differ are there already: {', '.join(changed)}",
            "--force overwrites them",
        )
