from __future__ import annotations

from pathlib import Path

import pytest

import gantool
from gantool.recipe import shipped
from gantool.recipe.shipped import find_shipped, shipped_folder, shipped_recipes


def test_recipes_lie_in_the_wheel_or_else_in_the_checkout(tmp_path: Path) -> None:
    package = tmp_path / "gantool"
    package.mkdir()
    assert shipped_folder(package) == tmp_path / "recipes"
    (package / "_recipes").mkdir()
    assert shipped_folder(package) == package / "_recipes"


def test_running_package_finds_its_recipes() -> None:
    found = shipped_recipes()
    assert [recipe.name for recipe in found] == sorted(recipe.name for recipe in found)
    assert {"base", "l2", "quickstart", "spectral"} <= {recipe.name for recipe in found}
    for recipe in found:
        assert recipe.path.is_file()
        assert recipe.summary.endswith(".")
    assert shipped_folder() in (
        Path(gantool.__file__).parent / "_recipes",
        Path(gantool.__file__).parents[1] / "recipes",
    )


def test_names_are_looked_up_and_never_joined_to_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    (recipes / "base.toml").write_text("x = 1")
    (tmp_path / "secret.toml").write_text("x = 1")
    monkeypatch.setattr(shipped, "shipped_folder", lambda: recipes)
    assert find_shipped("base") == find_shipped("base.toml") == recipes / "base.toml"
    for name in ("../secret", "../secret.toml", "", ".toml", "base.toml.toml", "./base"):
        assert find_shipped(name) is None
    assert shipped_recipes()[0].summary == ""
