from __future__ import annotations

import cProfile
import json
import random
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from gantool.recipe.documents import dump
from gantool.recipe.reading import read_recipe
from gantool.recipe.source.toml import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gantool.recipe.schema import Recipe
    from gantool.registry.catalog import Catalog

RICH = """
requires = ["gantool"]
regularizers = [{use = "l2", weight_decay = 0.005}, {use = "r1"}]
[dataset]
use = "shelf"
folder = "pictures \\u00e9 'of' \\"mine\\""
weights = {"van Gogh" = 1, "a.b" = 2.5}
[architecture]
use = "dcgan"
[loss]
use = "aliased"
lambda = 3
[[metrics]]
use = "distance"
[optimizer]
learning_rate = 1
[optimizer.discriminator]
use = "sgd"
[training]
epochs = 5
start_from = "runs/old"
[image]
size = [64, 32]
[sampling]
at_epochs = [1, 5]
[evaluation]
extractor = "features"
[ema]
half_life_images = 1e4
"""


def test_resolved_recipe_runs_as_it_is(
    read: Callable[..., Recipe], folder: Path, catalog: Catalog
) -> None:
    recipe = read(RICH, "training.seed=5")
    elsewhere = folder / "runs" / "mine"
    elsewhere.mkdir(parents=True)
    (elsewhere / "recipe.toml").write_text(dump(recipe.document), encoding="utf-8")
    again = read_recipe(elsewhere / "recipe.toml", catalog=catalog)
    assert again.document == recipe.document
    assert list(again.document) == list(recipe.document)
    assert dump(again.document) == dump(recipe.document)
    assert (again.dataset, again.loss, again.regularizers) == (
        recipe.dataset,
        recipe.loss,
        recipe.regularizers,
    )
    assert again.optimizer == recipe.optimizer
    assert again.tables == recipe.tables
    assert again.extractor == recipe.extractor
    assert set(again.origins) == set(recipe.origins)
    assert "default" not in again.origins.values()


def test_resolved_recipe_is_readable(read: Callable[..., Recipe], minimal: str) -> None:
    text = f"{minimal}[[regularizers]]\nuse = 'l2'\n[[regularizers]]\nuse = 'r1'\n"
    written = dump(read(text, "optimizer.discriminator.learning_rate=4e-3").document)
    assert written.startswith(
        "[dataset]\n"
        'use = "own:pictures"\n'
        "lists = []\n"
        'source = "auto"\n'
        "\n"
        "[architecture]\n"
        'use = "own:dcgan"\n'
        "latent_dim = 150\n"
        "width = 64\n"
        "first_norm = true\n"
        'initialization = "pytorch"\n'
        'discriminator_norm = "batch"\n'
        "\n"
        "[loss]\n"
        'use = "own:bce"\n'
        "real_target = 1.0\n"
        "\n"
        "[[regularizers]]\n"
        'use = "own:l2"\n'
        'player = "discriminator"\n'
        "weight_decay = 0.0\n"
        "\n"
        "[[regularizers]]\n"
        'use = "own:r1"\n'
        "every_steps = 1\n"
        "gamma = 10.0\n"
        "\n"
        "[image]\n"
        "size = 64\n"
    )
    assert (
        "[optimizer]\n"
        'use = "optimizers:adam"\n'
        "learning_rate = 0.001\n"
        'schedule = "constant"\n'
        "final_learning_rate = 0.0\n"
        "betas = [0.5, 0.999]\n"
        "eps = 1e-08\n"
        "\n"
        "[optimizer.discriminator]\n"
        'use = "optimizers:adam"\n'
        "learning_rate = 0.004\n"
    ) in written


def test_resolved_recipe_holds_every_option_that_has_a_value(
    read: Callable[..., Recipe], minimal: str
) -> None:
    recipe = read(minimal)
    for name in ("image", "training", "sampling", "checkpoints", "device"):
        table = getattr(recipe.tables, name)
        given = {key for key in type(table).model_fields if getattr(table, key) is not None}
        assert set(recipe.document[name]) == given
    assert recipe.document["optimizer"]["use"] == "optimizers:adam"


def value(chance: random.Random, depth: int) -> Any:
    """A random value of the kinds that a resolved recipe can hold."""
    kind = chance.randrange(7 if depth < 3 else 5)
    if kind == 0:
        return chance.randrange(-(2**63), 2**63)
    if kind == 1:
        return chance.choice((0.0, -0.0, 1e-8, 1e22, -1.5, 0.1 + 0.2, 5e-324, 1.7e308))
    if kind == 2:
        return chance.random() < 0.5
    if kind <= 4:
        letters = "ab \\\"'#[]=.\n\r\t\0\x1b\x7fé日\u2028😀"
        return "".join(chance.choices(letters, k=chance.randrange(12)))
    if kind == 5:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {name(chance): value(chance, depth + 1) for _ in range(chance.randrange(4))}


def name(chance: random.Random) -> str:
    return chance.choice(("use", "a-b", "a b", "a.b", '"', "é", "0", "'", ""))


@pytest.mark.parametrize("seed", range(20))
def test_dump_round_trips(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        document = {f"{name(chance)}{index}": value(chance, 0) for index in range(5)}
        document["regularizers"] = [
            {name(chance): value(chance, 1) for _ in range(3)} for _ in range(3)
        ]
        written = tomllib.loads(dump(document))
        assert json.dumps(written, sort_keys=True) == json.dumps(document, sort_keys=True)


def long(count: int) -> str:
    """Return a recipe with a long array, which takes more room when it is written again."""
    return RICH.replace("[1, 5]", f"[{','.join('1' * count)}]")


def test_what_can_be_read_can_be_read_again(
    read: Callable[..., Recipe], folder: Path, catalog: Catalog
) -> None:
    recipe = read(long(15_000))
    (folder / "again.toml").write_text(dump(recipe.document), encoding="utf-8")
    assert read_recipe(folder / "again.toml", catalog=catalog).document == recipe.document


def test_what_could_not_be_read_again_is_refused(complain: Callable[..., str]) -> None:
    """Nobody could go on with such a run."""
    assert len(long(30_000)) < MOST_BYTES
    told = complain(long(30_000))
    assert "49,152 at most\nshorten its longest array" in told


def test_the_time_of_writing_grows_with_the_length() -> None:
    """Counted in calls, which no other program's work can change."""
    calls = []
    for count in (500, 1000):
        profile = cProfile.Profile()
        profile.runcall(dump, {"sampling": {"at_epochs": [1] * count}})
        calls.append(sum(entry.callcount for entry in profile.getstats()))
    assert calls[1] < 2.5 * calls[0]
