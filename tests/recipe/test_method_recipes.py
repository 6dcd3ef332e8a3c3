"""The recipes that put methods from several plugins together."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gantool.data.selection import TrainingImages
from gantool.recipe.documents import plainly
from gantool.recipe.reading import read_recipe
from gantool.training.building import build_trainer
from gantool.training.device.device import open_device

SMALL = ("image.size=16", "architecture.width=4", "training.batch_size=4", "device.name=cpu")


def document(name: str) -> dict[str, Any]:
    return plainly(read_recipe(name).document)


def changed(name: str, parent: str) -> set[str]:
    """Return which tables of a recipe differ from its parent's."""
    ours, theirs = document(name), document(parent)
    return {table for table in ours if ours[table] != theirs.get(table)}


def test_wgan_gp_is_the_base_model_in_the_papers_settings() -> None:
    tables = {"architecture", "loss", "regularizers", "optimizer", "training"}
    assert changed("wgan-gp", "base") == tables
    recipe = document("wgan-gp")
    assert recipe["loss"] == {"use": "wasserstein"}
    assert [(r["use"], r["weight"]) for r in recipe["regularizers"]] == [("wgan-gp", 10.0)]
    assert recipe["training"]["discriminator_updates"] == 5
    assert recipe["optimizer"]["learning_rate"] == 1e-4
    assert recipe["optimizer"]["betas"] == [0.0, 0.9]


def test_r3_is_a_relativistic_game_with_both_penalties_alike() -> None:
    tables = {"architecture", "loss", "regularizers", "optimizer", "ema"}
    assert changed("r3", "base") == tables
    recipe = document("r3")
    assert recipe["loss"] == {"use": "relativistic-pairing"}
    assert recipe["architecture"]["discriminator_norm"] == "none"
    first, second = recipe["regularizers"]
    assert (first.pop("use"), second.pop("use")) == ("r1", "r2")
    assert first == second


def test_few_paintings_is_r3_with_augmentation() -> None:
    assert changed("few-paintings", "r3") == {"image", "regularizers", "training"}
    used = [regularizer["use"] for regularizer in document("few-paintings")["regularizers"]]
    assert used == ["r1", "r2", "diffaugment"]


@pytest.mark.parametrize("name", ["wgan-gp", "r3", "few-paintings"])
def test_they_train(name: str) -> None:
    recipe = read_recipe(name, SMALL)
    pixels = torch.randint(0, 256, (12, 16, 16, 3), dtype=torch.uint8)
    trainer = build_trainer(
        recipe, TrainingImages(pixels, held_out=pixels[:0]), open_device(recipe.tables.device)
    )
    trainer.one_step()
    figures = trainer.game.totals.means()
    assert {f"penalty/{r.name}" for r in recipe.regularizers} - {"penalty/diffaugment"} <= set(
        figures
    )
    assert all(torch.tensor(list(figures.values())).isfinite())
