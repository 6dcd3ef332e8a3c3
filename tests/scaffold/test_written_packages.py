"""What `gantool new-plugin` writes works as it is, for every kind of component."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from gantool.interfaces.component import KINDS

if TYPE_CHECKING:
    from tests.scaffold.conftest import Workshop


def test_it_is_listed_and_its_recipe_is_valid(workshop: Workshop) -> None:
    listing = workshop.run("gantool", "list-plugins", "--json", "--strict")
    assert listing.returncode == 0, listing.stderr
    listed = {plugin["name"]: plugin for plugin in json.loads(listing.stdout)}
    for kind in KINDS:
        name = f"sparkle-{kind}"
        assert listed[name]["distribution"] == f"gantool-{name}"
        assert listed[name]["components"] == [{"kind": kind, "name": name}]
    recipes = [str(path) for folder in workshop.packages for path in folder.glob("*.toml")]
    recipes = [path for path in recipes if not path.endswith("pyproject.toml")]
    assert len(recipes) == len(KINDS)
    checked = workshop.run("gantool", "validate", *recipes)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count("\tvalid") == len(KINDS)


def test_it_passes_its_own_tests(workshop: Workshop) -> None:
    first = workshop.packages[0]
    tests = [str(folder / "tests") for folder in workshop.packages]
    config = str(first / "pyproject.toml")
    done = workshop.run("pytest", "-q", "-p", "no:cacheprovider", "-c", config, *tests, "-rA")
    assert done.returncode == 0, done.stdout[-4000:]
    checked = set(re.findall(r"^PASSED \S*test_contract\[sparkle-\w+:(\w+)/", done.stdout, re.M))
    assert checked == set(KINDS)
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_it_passes_mypy(workshop: Workshop) -> None:
    """One process for all packages: their configurations differ in names alone."""
    first = workshop.packages[0]
    modules = [
        str(path.parent) for folder in workshop.packages for path in folder.glob("*/plugin.py")
    ]
    assert len(modules) == len(KINDS)
    config = ["--config-file", str(first / "pyproject.toml")]
    done = workshop.run("mypy", *config, *modules, str(first / "tests"))
    assert done.returncode == 0, done.stdout


def test_it_passes_ruff(workshop: Workshop) -> None:
    for command in (["format", "--check"], ["check", "--no-cache"]):
        done = workshop.run("ruff", *command, *(str(folder) for folder in workshop.packages))
        assert done.returncode == 0, done.stdout
