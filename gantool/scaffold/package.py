"""The package of a new plugin: its names, and its files filled in from templates."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from string import Template
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.version import INTERFACE_VERSION, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable
    from pathlib import Path


NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""Names of a plugin, of its component and, behind `gantool-`, of its distribution."""
LONGEST = 40
"""Characters of a name, with which no line of the written code becomes too long."""
EVERY = "every"
"""The folder of templates that do not depend on the kind of component."""
SUFFIX = ".tmpl"
"""Keeps tools from taking templates for code."""
TABLE = "table.txt"
"""A recipe's tables that name the component."""


@dataclass(frozen=True)
class Names:
    """The names of a plugin that offers one component.

    Attributes:
        plugin: The plugin's name, and the component's.
        kind: The component's kind.
    """

    plugin: str
    kind: str

    @property
    def distribution(self) -> str:
        """The name that pip installs."""
        return f"gantool-{self.plugin}"

    @property
    def module(self) -> str:
        """The package that Python imports."""
        return f"gantool_{self.plugin.replace('-', '_')}"

    @property
    def component(self) -> str:
        """The component's class; the kind in it keeps it apart from what the module imports."""
        words = (*self.plugin.split("-"), self.kind)
        return "".join(word.capitalize() for word in words)


def check_names(names: Names) -> None:
    """Refuse a name that some file could not bear, or that is taken in this environment.

    Raises:
        UsageError: When the name is malformed or too long, or its module exists.
    """
    name = names.plugin
    if not NAME.fullmatch(name):
        expected = "lower-case words of letters and digits with dashes between, as in 'zero-r1'"
        raise UsageError(f"a plugin cannot be called {name!r}", f"expected {expected}")
    if len(name) > LONGEST:
        message = f"the name {name!r} has {len(name)} characters"
        raise UsageError(message, f"at most {LONGEST} are allowed")
    if find_spec(names.module) is not None:
        message = f"there is a module {names.module} already"
        raise UsageError(message, "choose another name, or uninstall the package that has it")


def package_files(names: Names) -> dict[str, str]:
    """Return the content of every file of the package, by its path in the package's folder."""
    templates = files("gantool.scaffold") / "templates"
    values = _values(names, _filled(templates / names.kind / TABLE, _values(names)))
    places = {
        "package": names.module,
        "github": ".github",
        "gitignore": ".gitignore",
        "recipe.toml": f"{names.plugin}.toml",
    }
    folders = (templates / EVERY, templates / names.kind)
    return {
        "/".join(places.get(part, part) for part in parts): _filled(template, values)
        for folder in folders
        for parts, template in _templates(folder)
    }


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


def _values(names: Names, table: str = "") -> dict[str, str]:
    """Return the values of the templates' variables."""
    recipe = f'extends = "quickstart.toml"\nrequires = ["{names.distribution}>=0.1"]\n\n{table}'
    named = "A recipe names it like this"
    if names.kind == "exporter":
        named = (
            f"`gantool export RUN --to {names.plugin}` uses it, on a run of any recipe, as of this"
        )
    return {
        "plugin": names.plugin,
        "kind": names.kind,
        "distribution": names.distribution,
        "module": names.module,
        "component": names.component,
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
