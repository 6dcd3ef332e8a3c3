from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gantool.recipe.documents import dump

Write = Callable[..., Path]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Write 26 pictures into two class folders."""
    random = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    for index in range(26):
        style = "bright" if index % 2 else "dark"
        (folder / style).mkdir(parents=True, exist_ok=True)
        low, high = (128, 256) if style == "bright" else (0, 128)
        pixels = random.integers(low, high, (20, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / style / f"{index}.png")
    return folder


@pytest.fixture
def write_recipe(tmp_path: Path, pictures: Path) -> Write:
    """Return what writes a small recipe; keyword arguments are tables to merge in."""

    def write(name: str = "small", **tables: Any) -> Path:
        document: dict[str, Any] = {
            "dataset": {"use": "folder", "folder": str(pictures)},
            "architecture": {"use": "dcgan", "latent_dim": 8, "width": 4},
            "loss": {"use": "bce"},
            "image": {"size": 16},
            "training": {"steps": 8, "batch_size": 6, "log_every_steps": 2},
            "sampling": {"count": 4},
            "checkpoints": {"every_steps": 2, "keep_last": 100},
            "device": {"name": "cpu"},
        }
        for table, values in tables.items():
            if isinstance(values, dict):
                document[table] = {**document.get(table, {}), **values}
            else:
                document[table] = values
        path = tmp_path / f"{name}.toml"
        path.write_text(dump(document), encoding="utf-8")
        return path

    return write
