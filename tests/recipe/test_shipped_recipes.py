"""The recipes that come with gantool, read with the plugins that come with it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import Any

import pytest

from gantool.recipe.documents import dump, plainly
from gantool.recipe.reading import read_recipe
from gantool.recipe.shipped import ShippedRecipe, shipped_recipes

pytestmark = pytest.mark.quick

RECIPES = shipped_recipes()


def test_reading_and_writing_need_no_torch() -> None:
    code = (
        "import sys; from gantool.recipe.reading import read_recipe; "
        "from gantool.recipe.documents import dump; dump(read_recipe('spectral').document); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def report(name: str, *overrides: str) -> dict[str, Any]:
    return plainly(read_recipe(name, overrides).document)


def test_there_are_recipes() -> None:
    assert len(RECIPES) >= 4


@pytest.mark.parametrize("shipped", RECIPES, ids=lambda shipped: shipped.name)
def test_recipe_is_valid_and_says_what_it_is(shipped: ShippedRecipe) -> None:
    recipe = read_recipe(shipped.name)
    assert recipe.name == shipped.name
    assert recipe.warnings == ()
    header = shipped.path.read_text(encoding="utf-8").partition("\n\n")[0]
    for part in ("What", "Time", "Expect", f"Command  gantool run {shipped.name}"):
        assert f"\n# {part}" in header
    assert tomllib.loads(dump(recipe.document)) == recipe.document


def test_base_is_the_reports_model() -> None:
    base = report("base")
    assert base["image"] | {"size": 64, "channels": 3, "fit": "stretch"} == base["image"]
    assert base["image"]["horizontal_flip"] is False
    assert (
        base["architecture"] | {"use": "dcgan", "latent_dim": 150, "width": 64}
        == (base["architecture"])
    )
    assert base["architecture"]["first_norm"] is True
    assert base["architecture"]["initialization"] == "pytorch"
    assert base["loss"] == {"use": "bce", "real_target": 1.0}
    assert base["optimizer"]["learning_rate"] == 1e-3
    assert base["optimizer"]["betas"] == [0.5, 0.999]
    assert (
        base["training"] | {"epochs": 220, "batch_size": 128, "last_batch": "keep"}
        == (base["training"])
    )
    assert base["training"]["discriminator_updates"] == 1
    assert base["training"]["reuse_fakes"] is False
    assert base["sampling"]["at_epochs"] == [10, 50, 100, 150, 220]
    assert "regularizers" not in base


def test_l2_differs_in_weight_decay_alone() -> None:
    base, l2 = report("base"), report("l2")
    assert l2.pop("regularizers") == [
        {"use": "l2", "player": "discriminator", "weight_decay": 5e-3}
    ]
    assert l2 == base


def test_spectral_differs_in_normalization_and_the_discriminators_rate() -> None:
    base, spectral = report("base"), report("spectral")
    (entry,) = spectral.pop("regularizers")
    assert entry | {"use": "spectral-norm", "player": "discriminator"} == entry
    discriminator = spectral["optimizer"].pop("discriminator")
    assert discriminator == base["optimizer"] | {"learning_rate": 4e-3}
    assert spectral == base


def test_quickstart_is_small() -> None:
    quickstart = report("quickstart")
    assert quickstart["training"]["steps"] <= 600
    assert quickstart["training"]["batch_size"] == 64
    assert quickstart["image"]["size"] == 32
    assert quickstart["ema"]["half_life_images"] > 0


def test_averages_ramp_up() -> None:
    """Or grids show the first weights for long: 20 steps of 32 images are little of 10,000."""
    averages = [report(shipped.name)["ema"] for shipped in RECIPES]
    kept = [table for table in averages if table.get("half_life_images")]
    assert len(kept) >= 3
    assert {table["ramp_up"] for table in kept} == {0.05}  # Karras et al. 2020
