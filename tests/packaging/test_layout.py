"""The plugins: folders, entry points, and the roots of the import rules."""

from __future__ import annotations

import copy
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter.contracts.independence import IndependenceContract

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folders() -> set[str]:
    found = {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}
    assert found, "no plugins found"
    return found


def test_declared_entry_points_are_the_folders(project: dict[str, Any], folders: set[str]) -> None:
    declared = project["project"]["entry-points"]["gantool.plugins"]
    assert {value.partition(".")[0] for value in declared.values()} == folders
    for name, value in declared.items():
        package = value.partition(".")[0]
        assert package.startswith("gantool_"), name
        assert (ROOT / "plugins" / package / "plugin.py").is_file(), name


def test_installed_entry_points_are_the_declared_ones(project: dict[str, Any]) -> None:
    declared = project["project"]["entry-points"]["gantool.plugins"]
    installed = {
        entry.name: entry.value
        for entry in entry_points(group="gantool.plugins")
        if entry.dist is not None and entry.dist.name == "gantool"
    }
    assert installed == declared, "install again: pip install -e '.[dev]'"


def test_import_rules_cover_every_folder(project: dict[str, Any], folders: set[str]) -> None:
    assert set(project["tool"]["importlinter"]["root_packages"]) == {"gantool", *folders}


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("gantool.training.trainer", "gantool_lecam.plugin"),
        ("gantool_lecam.anchors", "gantool_dcgan.networks"),
        ("gantool_lecam.plugin", "gantool.interfaces"),
        ("gantool_lecam.plugin", "gantool.recipe.schema"),
    ],
    ids=["core-to-plugin", "plugin-to-plugin", "plugin-to-room", "plugin-to-inner-module"],
)
def test_an_import_past_the_public_api_breaks_the_rules(
    project: dict[str, Any], folders: set[str], importer: str, imported: str
) -> None:
    linter = project["tool"]["importlinter"]
    (rule,) = [rule for rule in linter["contracts"] if rule["type"] == "independence"]
    contract = IndependenceContract(rule["name"], linter, rule)
    graph = grimp.build_graph("gantool", *folders, cache_dir=None)
    graph.add_import(importer=importer, imported="gantool")
    assert contract.check(copy.deepcopy(graph), verbose=False).kept
    graph.add_import(importer=importer, imported=imported)
    assert not contract.check(graph, verbose=False).kept


def test_every_package_is_typed_and_explained(folders: set[str]) -> None:
    for name in folders:
        assert (ROOT / "plugins" / name / "py.typed").is_file(), name
        assert (ROOT / "plugins" / name / "README.md").is_file(), name
    assert (ROOT / "gantool" / "py.typed").is_file()


def test_version_is_said_once_more_and_the_same(project: dict[str, Any]) -> None:
    import gantool

    assert gantool.__version__ == project["project"]["version"]
