from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gantool.cli.arguments import complete_kind, complete_recipe, complete_run
from gantool.cli.data import complete_dataset
from gantool.cli.plugins.describe import complete_component
from gantool.interfaces.component import KINDS
from gantool.recipe.shipped import shipped_names


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a folder with a recipe, a folder, and a run."""
    monkeypatch.chdir(tmp_path)
    for file in ("mine.toml", "notes.txt", ".hidden.toml", "recipes/a.toml", "runs/x/recipe.toml"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()


def test_recipes_are_shipped_ones_and_files() -> None:
    offered = complete_recipe("")
    assert offered == [*shipped_names(), "mine.toml", "recipes/", "runs/"]
    assert complete_recipe("recipes/") == ["recipes/a.toml"]
    assert complete_recipe("spec") == ["spectral"]
    assert complete_recipe(".h") == [".hidden.toml"]
    assert complete_recipe("nowhere/") == []


def test_runs() -> None:
    assert complete_run("") == ["runs/x"]
    assert complete_run("rec") == ["recipes/"]


def test_components_kinds_and_datasets() -> None:
    assert {"loss/bce", "loss/hinge"} <= set(complete_component("loss/"))
    assert complete_kind("l") == [kind for kind in KINDS if kind[0] == "l"] != []
    assert "artworks" in complete_dataset("")


def completed(words: list[str], incomplete: str) -> list[str]:
    """Return what bash is offered after some words, from a process of its own."""
    environment = {
        **os.environ,
        "COMP_WORDS": " ".join(["gantool", *words, incomplete]),
        "COMP_CWORD": str(len(words) + 1),
        "_GANTOOL_COMPLETE": "complete_bash",
    }
    program = "import sys; sys.argv[0] = 'gantool'; from gantool.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_overrides_know_the_components_of_the_recipe() -> None:
    assert completed(["run", "spectral", "--set"], "regularizers.") == [
        "regularizers.spectral-norm.player=",
        "regularizers.spectral-norm.power_iterations=",
    ]


def test_overrides_without_a_recipe_are_the_core_s() -> None:
    offered = completed(["run", "--set"], "training.s")
    assert offered == [
        "training.steps=",
        "training.seed=",
        "training.synchronize_batch_norm=",
        "training.start_from=",
    ]


def test_commands() -> None:
    assert completed([], "list-") == [
        "list-runs",
        "list-recipes",
        "list-plugins",
        "list-components",
    ]
