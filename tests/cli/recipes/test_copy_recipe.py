from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gantool.cli.recipes.copy_recipe import refuse_changes, write
from gantool.errors import UsageError
from gantool.recipe.reading import read_recipe
from gantool.recipe.shipped import find_shipped


def shipped(name: str) -> bytes:
    path = find_shipped(name)
    assert path is not None
    return path.read_bytes()


def test_parents_come_along(gantool: Callable[..., Any]) -> None:
    outcome = gantool("copy-recipe", "spectral")
    assert outcome.code == 0
    assert outcome.stdout.splitlines() == ["spectral.toml", "base.toml"]
    assert Path("spectral.toml").read_bytes() == shipped("spectral")
    assert Path("base.toml").read_bytes() == shipped("base")


def test_a_copy_under_another_name_is_a_recipe(gantool: Callable[..., Any]) -> None:
    outcome = gantool("copy-recipe", "l2.toml", "mine/first.toml")
    assert outcome.stdout.splitlines() == ["mine/first.toml", "mine/base.toml"]
    Path("mine/base.toml").write_text(
        shipped("base").decode().replace("batch_size = 128", "batch_size = 32"), encoding="utf-8"
    )
    copied = read_recipe("mine/first.toml")
    assert copied.tables.training.batch_size == 32, "the copied parent is the one that is extended"


def test_files_that_differ_are_never_overwritten(gantool: Callable[..., Any]) -> None:
    Path("base.toml").write_text("mine", encoding="utf-8")
    outcome = gantool("copy-recipe", "spectral")
    assert outcome.code == 2
    assert outcome.stdout == ""
    assert "error: files that differ are there already: base.toml\n" in outcome.stderr
    assert "--force" in outcome.stderr
    assert Path("base.toml").read_text(encoding="utf-8") == "mine"
    assert not Path("spectral.toml").exists(), "nothing is copied by halves"
    assert gantool("copy-recipe", "spectral", "--force").code == 0
    assert Path("base.toml").read_bytes() == shipped("base")


def test_a_file_made_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Somebody makes it between the look and the writing."""
    target = tmp_path / "base.toml"
    refuse_changes({target: b"shipped"})
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="was made by somebody else meanwhile"):
        write(target, b"shipped", force=False)
    assert target.read_text() == "mine"


def test_equal_files_are_no_obstacle(gantool: Callable[..., Any]) -> None:
    assert gantool("copy-recipe", "spectral", "recipes").code == 0
    assert gantool("copy-recipe", "l2", "recipes").code == 0
    assert {path.name for path in Path("recipes").iterdir()} == {
        "base.toml",
        "l2.toml",
        "spectral.toml",
    }


def test_a_recipe_cannot_take_the_place_of_its_parent(gantool: Callable[..., Any]) -> None:
    outcome = gantool("copy-recipe", "spectral", "base.toml")
    assert outcome.code == 2
    assert "base.toml is where 'base' goes, which it extends" in outcome.stderr
    assert not Path("base.toml").exists()


def test_an_unknown_name_is_guessed(gantool: Callable[..., Any]) -> None:
    outcome = gantool("copy-recipe", "spectrl")
    assert outcome.code == 2
    assert outcome.stderr == "error: no shipped recipe 'spectrl'\nhint: did you mean 'spectral'?\n"


def test_a_folder_that_is_a_file_is_a_disk_failure(gantool: Callable[..., Any]) -> None:
    Path("taken").write_text("", encoding="utf-8")
    outcome = gantool("copy-recipe", "base", "taken")
    assert outcome.code == 6
    assert outcome.stderr.startswith("error: ")
    assert "taken" in outcome.stderr
