"""Put a trainer together from a recipe and images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gantool.data.batches import Batches
from gantool.errors import RecipeError
from gantool.interfaces.step import PLAYERS, Setup
from gantool.training.game import Game
from gantool.training.players import Average, build_competitor, build_network
from gantool.training.randomness import Streams
from gantool.training.regularization import Regularization
from gantool.training.totals import Totals
from gantool.training.trainer import Trainer

if TYPE_CHECKING:
    from gantool.data.selection import TrainingImages
    from gantool.recipe.schema import Recipe
    from gantool.training.device import Device


def build_trainer(recipe: Recipe, images: TrainingImages, device: Device) -> Trainer:
    """Build networks, optimizers and batches; nothing is trained, saved or observed yet.

    Raises:
        RecipeError: When the images do not make a batch, or the networks cannot be built so.
        PluginError: When a regularizer asks for what an optimizer does not have.
    """
    training = recipe.tables.training
    streams = Streams(training.seed, device.device, device.dtype)
    batches = Batches(
        images.pixels.to(device.device),
        None if images.labels is None else images.labels.to(device.device),
        size=training.batch_size,
        keep_last=training.last_batch == "keep",
        order=streams.permutation,
        dtype=device.dtype,
        layout=device.layout,
    )
    setup = build_setup(recipe, images.classes, device, steps_of(recipe, batches.per_epoch))
    regularization = build_regularization(recipe, setup, device)
    competitors = {}
    for player in PLAYERS:
        network = build_network(
            recipe.architecture, player, setup, regularization, seed=training.seed
        )
        table = recipe.optimizer[player]
        competitors[player] = build_competitor(network, player, table, regularization, device)
    game = Game(
        setup=setup,
        competitors=competitors,
        loss=recipe.loss,
        regularization=regularization,
        batches=batches,
        streams=streams,
        device=device,
        number=torch.zeros((), dtype=torch.int64, device=device.device),
        progress=torch.zeros((), dtype=device.dtype, device=device.device),
        accumulate=training.accumulate,
        uniform_labels=training.label_sampling == "uniform",
        reuse_fakes=training.reuse_fakes,
        horizontal_flip=recipe.tables.image.horizontal_flip,
    )
    average = None
    if recipe.tables.ema.half_life_images is not None:
        generator = competitors["generator"].network
        average = Average(generator, recipe.tables.ema, training.batch_size)
    return Trainer(game, average, Totals(device.device), training)


def build_setup(recipe: Recipe, classes: int, device: Device, steps: int) -> Setup:
    """Return what is known before the first step.

    Raises:
        RecipeError: When the architecture does not support the images or the classes.
    """
    image = recipe.tables.image.shape
    try:
        recipe.architecture.check(image, classes)
    except ValueError as error:
        name = recipe.architecture.name
        raise RecipeError(f"architecture '{name}' cannot be built: {error}") from error
    return Setup(
        image=image,
        classes=classes,
        latent_dim=recipe.architecture.latent_dim,
        batch_size=recipe.tables.training.batch_size,
        steps=steps,
        discriminator_updates=recipe.tables.training.discriminator_updates,
        device=device.device,
        dtype=device.dtype,
    )


def build_regularization(recipe: Recipe, setup: Setup, device: Device) -> Regularization:
    """Return the active regularizers, their states on the device."""
    regularization = Regularization(recipe.regularizers, setup, recipe.tables.training.seed)
    for state in regularization.states().values():
        device.place(state)
    return regularization


def steps_of(recipe: Recipe, batches_per_epoch: int) -> int:
    """Return the steps of the whole run: generator updates, over all epochs."""
    training = recipe.tables.training
    if training.steps is not None:
        return training.steps
    batches = (training.epochs or 0) * batches_per_epoch
    return -(-batches // training.discriminator_updates)
