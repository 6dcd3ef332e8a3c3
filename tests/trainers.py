"""Trainers that need no files: recipes of components, random images; and what they would save."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from gantool import Architecture, ImageShape, Loss, Optimizer, Player, Regularizer
from gantool.data.selection import TrainingImages
from gantool.recipe.schema import CoreTables, Recipe
from gantool.testing.harness.operations import TapeRecorder
from gantool.testing.harness.trial import GivenImages
from gantool.training.building import build_trainer
from gantool.training.device.device import open_device
from gantool.training.device.graphs import GraphedTurns
from gantool_losses.plugin import BCE
from gantool_optimizers.plugin import SGD, Adam, AdamW, RMSprop
from tests.states import leaves

if TYPE_CHECKING:
    from gantool.training.device.ranks import Ranks
    from gantool.training.state.beginning import Beginning
    from gantool.training.trainer import Trainer

Table = Mapping[str, Any]


def train_on_random_images(
    regularizers: Sequence[Regularizer],
    architecture: Architecture,
    loss: Loss | None,
    optimizers: Mapping[Player, Table],
    tables: Mapping[str, Table],
    *,
    count: int,
    classes: int,
    ranks: Ranks | None = None,
    beginning: Beginning | None = None,
) -> Trainer:
    """Return a trainer; `tables` are the other ones of its recipe, BCE is its loss by default."""
    core = CoreTables.model_validate_json(json.dumps(tables))
    recipe = Recipe(
        name="test",
        dataset=GivenImages(),
        architecture=architecture,
        loss=loss or BCE(),
        regularizers=tuple(regularizers),
        metrics=(),
        loggers=(),
        extractor=None,
        optimizer={player: optimizer_of(table) for player, table in optimizers.items()},
        tables=core,
        document={},
        origins={},
    )
    images = random_images(core.image.shape, count, classes)
    return build_trainer(recipe, images, open_device(core.device), ranks, beginning)


def merged(tables: Mapping[str, Table], defaults: Mapping[str, Table]) -> dict[str, Table]:
    """Return tables with what they leave out from other ones."""
    names = defaults.keys() | tables.keys()
    return {name: {**defaults.get(name, {}), **tables.get(name, {})} for name in names}


def optimizer_of(values: Table) -> Optimizer:
    """Return the optimizer of a recipe's table."""
    options = {name: value for name, value in values.items() if name != "use"}
    kind = {each.name: each for each in (Adam, AdamW, RMSprop, SGD)}[values.get("use", "adam")]
    return kind.model_validate_json(json.dumps(options))


def random_images(shape: ImageShape, count: int, classes: int) -> TrainingImages:
    """Return images, the same for the same count; labels take turns."""
    chance = torch.Generator().manual_seed(count)
    size = (count, shape.height, shape.width, shape.channels)
    pixels = torch.randint(0, 256, size, dtype=torch.uint8, generator=chance)
    labels = torch.arange(count) % classes if classes else None
    return TrainingImages(pixels, held_out=pixels[:0], labels=labels, classes=classes)


def bits_of(trainer: Trainer) -> dict[str, bytes]:
    """Return everything a trainer would save, as bytes by path: equal means bitwise equal."""
    return dict(leaves(trainer.state()))


def assert_replays_are_eager_steps(
    build: Callable[[], Trainer], bits: Callable[[Trainer], object], steps: int = 50
) -> None:
    """Train twice from the same start, operation by operation and from recordings."""
    eager, replayed = build(), build()
    replayed.turns = turns = GraphedTurns(replayed.game, TapeRecorder())
    for trainer in (eager, replayed):
        for _ in range(steps):
            trainer.one_step()
    assert turns.is_recording
    assert bits(eager) == bits(replayed)
