"""The wheel, installed where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def gantool(python: Path, cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["GANTOOL_CACHE"] = str(cwd / "cache")
    return subprocess.run(
        [str(python), "-m", "gantool", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )


def test_wheel_holds_the_modules_of_the_tree(wheel: Path) -> None:
    def modules(root: Path, package: str) -> set[str]:
        files = (root / package).rglob("*.py")
        return {path.relative_to(root).as_posix() for path in files}

    expected = modules(ROOT, "gantool")
    for plugin in (ROOT / "plugins").glob("*/__init__.py"):
        expected |= modules(ROOT / "plugins", plugin.parent.name)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name for name in names if name.endswith(".py")} == expected
    recipes = {f"gantool/_recipes/{path.name}" for path in (ROOT / "recipes").glob("*.toml")}
    assert recipes, "no recipes found"
    assert {name for name in names if name.startswith("gantool/_recipes/")} == recipes
    places = (ROOT / "gantool" / "scaffold" / "templates").rglob("*")
    templates = {path.relative_to(ROOT).as_posix() for path in places if path.is_file()}
    assert templates, "no templates found"
    assert {name for name in names if name.startswith("gantool/scaffold/templates/")} == templates


def test_installed_wheel_is_not_the_checkout(python: Path, tmp_path: Path) -> None:
    code = "import gantool, gantool_dcgan; print(gantool.__file__, gantool_dcgan.__file__)"
    shown = subprocess.run(
        [str(python), "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert str(ROOT) not in shown


def test_installed_wheel_lists_copies_and_runs(python: Path, tmp_path: Path) -> None:
    assert "quickstart" in gantool(python, tmp_path, "list-recipes").stdout
    plugins = gantool(python, tmp_path, "list-plugins").stdout
    assert "dcgan" in plugins
    assert "spectral-norm" in plugins
    gantool(python, tmp_path, "copy-recipe", "spectral")
    assert (tmp_path / "spectral.toml").is_file()
    assert (tmp_path / "base.toml").is_file()
    gantool(python, tmp_path, "run", "quickstart", "--steps", "2", "--out", "run")
    assert (tmp_path / "run" / "recipe.toml").is_file()
    assert list((tmp_path / "run" / "samples").glob("*.png"))
