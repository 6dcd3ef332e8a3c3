"""One list of plugins, written down in five places."""

from __future__ import annotations

import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folders() -> set[str]:
    found = {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}
    assert found, "no plugins found"
    return found


def test_listed_packages_are_the_folders(project: dict[str, Any], folders: set[str]) -> None:
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) == {"gantool", *(f"plugins/{name}" for name in folders)}


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
    linter = project["tool"]["importlinter"]
    assert set(linter["root_packages"]) == {"gantool", *folders}
    contracts = {contract["name"]: contract for contract in linter["contracts"]}
    assert set(contracts["The core names no plugin"]["forbidden_modules"]) == folders
    assert set(contracts["Plugins know nothing of each other"]["modules"]) == folders
    assert set(contracts["Plugins use the public API only"]["source_modules"]) == folders


def test_plugins_may_import_no_inner_module(project: dict[str, Any]) -> None:
    contracts = {c["name"]: c for c in project["tool"]["importlinter"]["contracts"]}
    inner = {
        f"gantool.{path.stem}"
        for path in (ROOT / "gantool").iterdir()
        if not path.name.startswith(("_", ".")) and path.name != "py.typed"
    }
    assert set(contracts["Plugins use the public API only"]["forbidden_modules"]) == inner


def test_every_package_is_typed_and_explained(folders: set[str]) -> None:
    for name in folders:
        assert (ROOT / "plugins" / name / "py.typed").is_file(), name
        assert (ROOT / "plugins" / name / "README.md").is_file(), name
    assert (ROOT / "gantool" / "py.typed").is_file()


def test_version_is_said_once_more_and_the_same(project: dict[str, Any]) -> None:
    import gantool

    assert gantool.__version__ == project["project"]["version"]
