from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gantool
from gantool.evaluation.sampling.trained import TrainedRun
from gantool.recipe.documents import dump
from gantool.runs.folder import RunFolder

Train = Callable[..., TrainedRun]


def write_pictures(folder: Path, count: int = 24) -> Path:
    """Write pictures of two sorts into a folder, and return it."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for index in range(count):
        low, high = (128, 256) if index % 2 else (0, 128)
        pixels = random.integers(low, high, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


def train(folder: Path, pictures: Path, **tables: Any) -> TrainedRun:
    """Train two steps; keyword arguments are tables to merge in."""
    document: dict[str, Any] = {
        "dataset": {"use": "folder", "folder": str(pictures)},
        "architecture": {"use": "dcgan", "latent_dim": 8, "width": 4},
        "loss": {"use": "bce"},
        "image": {"size": 16},
        "training": {"steps": 2, "batch_size": 6},
        "sampling": {"count": 4},
        "evaluation": {"count": 32, "seed": 3},
        "device": {"name": "cpu"},
    }
    for table, values in tables.items():
        document[table] = (
            {**document.get(table, {}), **values} if isinstance(values, dict) else values
        )
    recipe = folder.with_suffix(".toml")
    recipe.write_text(dump(document), encoding="utf-8")
    return gantool.run(recipe, out=folder, level="quiet")


@pytest.fixture
def trained(tmp_path: Path) -> Train:
    """Return what trains a small run; keyword arguments are tables of its recipe."""
    pictures = write_pictures(tmp_path / "pictures")

    def start(**tables: Any) -> TrainedRun:
        return train(tmp_path / "run", pictures, **tables)

    return start


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, with averaged weights and held-out images, that tests copy."""
    place = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANTOOL_CACHE", str(place / "cache"))
        tables = {"ema": {"half_life_images": 10.0}, "image": {"size": 16, "held_out": 0.2}}
        train(place / "run", write_pictures(place / "pictures"), **tables)
    return place / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainedRun:
    """A run of this test's own, and a cache."""
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "cache"))
    shutil.copytree(finished, tmp_path / "run")
    return TrainedRun(RunFolder(tmp_path / "run"))
