"""Every shipped recipe trains on a folder of pictures as people have it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gantool
from gantool.recipe.shipped import shipped_names

RECIPES = [name for name in shipped_names() if name != "quickstart"]
"""All but the one that paints its own pictures."""
NAMES = [
    *(f"{number}.jpg" for number in range(30)),
    "DSC00001.JPG",
    "Screenshot 2026-01-02.png",
    "my painting 1.jpg",
    "закат.1.jpg",
]


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    folder = tmp_path / "my pictures"
    folder.mkdir()
    for name in NAMES:
        pixels = random.integers(0, 256, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


def test_there_are_recipes_to_try() -> None:
    assert {"base", "few-paintings", "l2", "r3", "spectral", "wgan-gp"} <= set(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_shipped_recipe_trains_on_a_plain_folder(recipe: str, mine: Path, tmp_path: Path) -> None:
    small = ["image.size=16", "architecture.width=4", "training.steps=1", "device.name=cpu"]
    run = gantool.run(recipe, [f"dataset.folder={mine}", *small], out=tmp_path / "run")
    assert run.sample(2, seed=0).shape == (2, 3, 16, 16)


def test_quickstart_names_what_trains_it_on_a_folder(mine: Path, tmp_path: Path) -> None:
    said = [f"dataset.folder={mine}", "training.steps=1", "training.batch_size=8"]
    with pytest.raises(gantool.RecipeError, match=r"--set dataset\.use=folder"):
        gantool.run("quickstart", said, out=tmp_path / "run")
    run = gantool.run("quickstart", ["dataset.use=folder", *said], out=tmp_path / "run")
    assert run.sample(1, seed=0).shape == (1, 3, 32, 32)


def test_a_run_that_squashes_most_pictures_says_so(
    mine: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in NAMES:
        Image.new("RGB", (64, 16), "teal").save(mine / name)
    small = ["image.size=16", "architecture.width=4", "training.steps=1", "device.name=cpu"]
    gantool.run("base", [f"dataset.folder={mine}", *small], out=tmp_path / "squashed")
    assert "--set image.fit=crop" in caplog.text
    caplog.clear()
    whole = [*small, "image.fit=pad"]
    gantool.run("base", [f"dataset.folder={mine}", *whole], out=tmp_path / "padded")
    assert "image.fit" not in caplog.text
