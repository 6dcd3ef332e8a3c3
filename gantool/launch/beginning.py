"""The run that another one starts from: its networks, and what keeps them from fitting."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from gantool.evaluation.sampling.trained import TrainedRun, newest_state
from gantool.training.building import build_regularization, build_setup
from gantool.training.device.device import open_device
from gantool.training.players import build_network
from gantool.training.state.beginning import Beginning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from gantool.interfaces.step import Player
    from gantool.recipe.schema import Recipe
    from gantool.runs.folder import RunFolder


def beginning_of(folder: RunFolder, recipe: Recipe, classes: int) -> Beginning:
    """Return the networks of a run's newest checkpoint, for another run to begin with.

    Args:
        folder: The run's.
        recipe: The recipe of the one that begins.
        classes: Number of its classes, 0 unless conditional.

    Raises:
        UsageError: When the run has no intact checkpoint.
    """
    there = TrainedRun(folder, "cpu")
    return Beginning(
        newest_state(folder), partial(_rebuilt, there), partial(_way_out, there, recipe, classes)
    )


def _rebuilt(there: TrainedRun, player: Player, before: Callable[[nn.Module], None]) -> nn.Module:
    """Build a player's network as a run does, regularizers and all."""
    recipe = there.recipe
    device = open_device(recipe.tables.device)
    setup = build_setup(recipe, len(there.classes), device, steps=1)
    regularization = build_regularization(recipe, setup, device)
    return build_network(recipe.architecture, player, setup, regularization, seed=0, before=before)


def _way_out(there: TrainedRun, recipe: Recipe, classes: int) -> str:
    """Say which options of the other run make networks that fit."""
    other, way_out = there.recipe, "leave training.start_from out"
    if other.architecture.name != recipe.architecture.name:
        return f"its architecture is '{other.architecture.name}'; take that one, or {way_out}"
    if changes := [*_options(other, recipe)]:
        return f"set what it was trained with: {' '.join(changes)}; or {way_out}"
    if len(there.classes) != classes:
        return f"it has {len(there.classes)} classes, and here are {classes}; {way_out}"
    return f"its recipe does not tell why: a plugin may have changed since; {way_out}"


def _options(other: Recipe, recipe: Recipe) -> Iterator[str]:
    """Yield the other run's options that decide on the networks' shapes and are not ours."""
    theirs, ours = (each.architecture.model_dump(mode="json") for each in (other, recipe))
    for name, value in theirs.items():
        if value != ours[name]:
            yield f"--set architecture.{name}={json.dumps(value)}"
    if other.tables.image.shape[1:] != recipe.tables.image.shape[1:]:
        size = other.tables.image.size
        yield f"--set image.size={json.dumps(size).replace(' ', '')}"
    if other.tables.image.channels != recipe.tables.image.channels:
        yield f"--set image.channels={other.tables.image.channels}"
    if other.tables.training.conditional != recipe.tables.training.conditional:
        yield f"--set training.conditional={json.dumps(other.tables.training.conditional)}"
