"""Fill in the templates of a new plugin's package, and write them."""

from __future__ import annotations

import datetime
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.version import INTERFACE_VERSION, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from gantool.scaffold.naming import Naming

EVERY = "every"
"""The folder of templates that do not depend on the kind of component."""
SUFFIX = ".tmpl"
"""What keeps tools from taking templates for code."""
TABLE = "table.txt"
"""A recipe's tables that name the component."""


def package_files(naming: Naming) -> dict[str, str]:
    """Return the content of every file of the package, by its path in the package's folder."""
    templates = files("gantool.scaffold") / "templates"
    values = _values(naming, _filled(templates / naming.kind / TABLE, _values(naming)))
    places = {
        "package": naming.module,
        "github": ".github",
        "gitignore": ".gitignore",
        "recipe.toml": f"{naming.plugin}.toml",
    }
    found = {}
    for folder in (templates / EVERY, templates / naming.kind):
        for parts, template in _templates(folder):
            path = "/".join(places.get(part, part) for part in parts)
            found[path] = _filled(template, values)
    return found


def write_package(folder: Path, content: Mapping[str, str]) -> list[Path]:
    """Write files into a new folder and return their paths, sorted.

    Raises:
        UsageError: When something is there already.
    """
    taken = UsageError(f"there is something at {folder} already", "move it, or use --folder")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise taken
    paths = []
    for name, text in sorted(content.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError as error:  # another process was quicker
            raise taken from error
        paths.append(path)
    return paths


def _values(naming: Naming, table: str = "") -> dict[str, str]:
    """Return what the templates' variables stand for."""
    recipe = f'extends = "quickstart.toml"\nrequires = ["{naming.distribution}>=0.1"]\n\n{table}'
    named = "A recipe names it like this"
    if naming.kind == "exporter":
        named = (
            f"`gantool export RUN --to {naming.plugin}` uses it, on a run of any recipe, as of this"
        )
    return {
        "plugin": naming.plugin,
        "kind": naming.kind,
        "distribution": naming.distribution,
        "module": naming.module,
        "component": naming.component,
        "version": VERSION.rpartition(".")[0],
        "interface": str(INTERFACE_VERSION),
        "recipe": recipe.rstrip() + "\n",
        "named": named,
        "year": str(datetime.datetime.now(tz=datetime.UTC).year),
    }


def _filled(template: Traversable, values: Mapping[str, str]) -> str:
    return Template(template.read_text(encoding="utf-8")).substitute(values)


def _templates(
    folder: Traversable, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Traversable]]:
    """Yield the templates below a folder, with the path of what each becomes."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _templates(entry, (*path, entry.name))
        elif entry.name.endswith(SUFFIX):
            yield (*path, entry.name.removesuffix(SUFFIX)), entry
