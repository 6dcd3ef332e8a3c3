from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import nn

import gantool
from gantool import Trained
from gantool.evaluation.sampling.trained import TrainedRun
from gantool.exporting.exporting import as_trained
from gantool.exporting.folder import ArchitectureConfig, ExportConfig, ImageConfig
from gantool.recipe.documents import dump
from gantool.runs.folder import RunFolder

Train = Callable[..., TrainedRun]
CLASSES = ("dawn", "dusk", "night | <b>noon</b>")


def write_pictures(folder: Path) -> Path:
    """Write pictures of three classes and return their folder."""
    random = np.random.default_rng(0)
    for index in range(18):
        place = folder / CLASSES[index % 3].replace("/", "∕")
        place.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{index}.png")
    return folder


def train(folder: Path, pictures: Path, **tables: Any) -> TrainedRun:
    """Train a few steps; keyword arguments are tables to merge in."""
    document: dict[str, Any] = {
        "dataset": {"use": "folder", "folder": str(pictures)},
        "architecture": {"use": "dcgan", "latent_dim": 12, "width": 6},
        "loss": {"use": "bce"},
        "image": {"size": 16},
        "training": {"steps": 12, "batch_size": 6},
        "optimizer": {"use": "adam", "learning_rate": 0.01},
        "device": {"name": "cpu"},
    }
    for table, values in tables.items():
        known = document.get(table, {})
        document[table] = {**known, **values} if isinstance(values, dict) else values
    recipe = folder.with_suffix(".toml")
    recipe.write_text(dump(document), encoding="utf-8")
    gantool.run(recipe, out=folder, level="quiet")
    return TrainedRun(RunFolder(folder), "cpu")


@pytest.fixture
def trained(tmp_path: Path) -> Train:
    """Return what trains a small run; keyword arguments are tables of its recipe."""
    pictures = write_pictures(tmp_path / "pictures")
    return lambda **tables: train(tmp_path / "run", pictures, **tables)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a conditional generator, that tests copy."""
    place = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANTOOL_CACHE", str(place / "cache"))
        train(place / "run", write_pictures(place / "pictures"), training={"conditional": True})
    return place / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> TrainedRun:
    """A run of this test's own, conditional."""
    shutil.copytree(finished, tmp_path / "run")
    return TrainedRun(RunFolder(tmp_path / "run"), "cpu")


Wrap = Callable[..., Trained]


@pytest.fixture
def wrap() -> Wrap:
    """Return what makes any network a generator that can be exported."""

    def make(
        network: nn.Module,
        latent_dim: int,
        shape: tuple[int, int, int],
        classes: int = 0,
        *,
        bounded: bool = True,
    ) -> Trained:
        channels, height, width = shape
        config = ExportConfig(
            architecture=ArchitectureConfig(use="none", options={}),
            image=ImageConfig(channels=channels, height=height, width=width),  # type: ignore[arg-type]
            latent_dim=latent_dim,
            classes=CLASSES[:classes],
        )
        network.eval().requires_grad_(requires_grad=False)
        return as_trained(network, config, "wrapped", bounded=bounded)

    return make
