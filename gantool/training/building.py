"""Put a trainer together from a recipe and images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from gantool.data.batches import Batches, Stream
from gantool.errors import RecipeError
from gantool.interfaces.step import PLAYERS, Setup
from gantool.registry.calling import calling, refusal_of
from gantool.training.average import Average
from gantool.training.device.compiling import compiled_gradient, compiled_networks, image_gradient
from gantool.training.device.device import is_resident
from gantool.training.device.ranks import Ranks
from gantool.training.game import Game
from gantool.training.observers import Totals
from gantool.training.players import build_competitor, build_network
from gantool.training.randomness import Streams
from gantool.training.regularization import Regularization
from gantool.training.state.saving import Accord
from gantool.training.step.update import take_turns
from gantool.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import nn

    from gantool.data.batches import Batch
    from gantool.data.selection import TrainingImages
    from gantool.interfaces.step import Player
    from gantool.recipe.schema import Recipe
    from gantool.training.device.device import Device
    from gantool.training.players import Competitor
    from gantool.training.state.beginning import Beginning, Owner
    from gantool.training.state.saving import Saver

NOTHING_KNOWN: Mapping[str, Any] = {"classes": [], "fingerprint": "", "images": 0}


def build_trainer(
    recipe: Recipe,
    images: TrainingImages,
    device: Device,
    ranks: Ranks | None = None,
    beginning: Beginning | None = None,
    *,
    about: Mapping[str, Any] = NOTHING_KNOWN,
    saver: Saver | None = None,
) -> Trainer:
    """Build networks, optimizers and batches; nothing is trained or saved yet.

    `images` are all images, of which each of several `ranks` trains on its rows of a batch;
    `about` is what checkpoints carry along, as `About` has it; without a `saver` nothing is saved.

    Raises:
        RecipeError: When the images do not make a batch, or the networks cannot be built so.
        PluginError: When a regularizer asks for what an optimizer does not have.
        UsageError: When the networks to begin with are others.
    """
    game = _game(recipe, images, device, ranks or Ranks(), beginning)
    turns: Callable[[Sequence[Batch], int], None] = partial(take_turns, game)
    if device.device.type == "cuda" and recipe.tables.device.graph != "off":
        from gantool.training.device.graphs import recorded

        turns = recorded(game, insists=recipe.tables.device.graph == "on") or turns
    accord = Accord(game.ranks, on_gpu=device.device.type == "cuda")
    return Trainer(game, turns, recipe.tables.training, accord, about, saver)


def _game(
    recipe: Recipe,
    images: TrainingImages,
    device: Device,
    ranks: Ranks,
    beginning: Beginning | None,
) -> Game:
    training, compiles = recipe.tables.training, recipe.tables.device.compile
    streams = Streams(training.seed, device.device, device.dtype)
    batches = _batches(recipe, images, device, streams, ranks)
    setup = build_setup(recipe, images.classes, device, steps_of(recipe, batches.per_epoch))
    regularization = build_regularization(recipe, setup, device)
    network = partial(_network, recipe, setup, regularization, ranks, beginning)
    competitors = {
        player: build_competitor(network(player), player, recipe, setup, regularization, device)
        for player in PLAYERS
    }
    return Game(
        setup=setup,
        architecture=recipe.architecture,
        competitors=competitors,
        loss=recipe.loss,
        regularization=regularization,
        batches=batches,
        streams=streams,
        device=device,
        number=torch.zeros((), dtype=torch.int64, device=device.device),
        progress=torch.zeros((), dtype=device.dtype, device=device.device),
        totals=Totals(device.device),
        average=_average(recipe, setup, competitors, network if beginning else None),
        accumulate=training.accumulate,
        uniform_labels=training.label_sampling == "uniform",
        reuse_fakes=training.reuse_fakes,
        horizontal_flip=recipe.tables.image.horizontal_flip,
        ranks=ranks,
        compiled=compiled_networks(competitors, regularization) if compiles else {},
        gradient=compiled_gradient() if compiles else image_gradient,
    )


def _average(
    recipe: Recipe,
    setup: Setup,
    competitors: Mapping[Player, Competitor],
    begun: Callable[[Owner], nn.Module] | None,
) -> Average | None:
    """Return the average of the generator's weights, if one is kept, or the one begun with."""
    if recipe.tables.ema.half_life_images is None:
        return None
    with calling(recipe.architecture, "the copying of its generator"):
        generator, table = competitors["generator"].network, recipe.tables.ema
        average = Average(generator, table, batch_size=setup.batch_size, steps=setup.steps)
    if begun is not None:
        average.load(begun("average").state_dict())
    return average


def _network(
    recipe: Recipe,
    setup: Setup,
    regularization: Regularization,
    ranks: Ranks,
    beginning: Beginning | None,
    owner: Owner,
) -> nn.Module:
    """Build a network, with BatchNorm over all ranks if the recipe wants that, trained or not."""
    training = recipe.tables.training
    network = build_network(
        recipe.architecture,
        "generator" if owner == "average" else owner,
        setup,
        regularization,
        seed=training.seed,
        ranks=ranks if training.synchronize_batch_norm else None,
        before=None if beginning is None else beginning.before(owner),
    )
    if beginning is not None:
        beginning.after(owner, network)
    return network


def _batches(
    recipe: Recipe, images: TrainingImages, device: Device, streams: Streams, ranks: Ranks
) -> Batches:
    """Return the portions of the images, which are on the device if they fit."""
    training = recipe.tables.training
    resident = is_resident(recipe.tables.device.resident, images.pixels, device.device)
    pixels = images.pixels
    return Batches(
        pixels[:].to(device.device) if resident else Stream(pixels, device.device),
        None if images.labels is None else images.labels.to(device.device),
        size=training.batch_size,
        keep_last=training.last_batch == "keep",
        order=streams.permutation,
        dtype=device.dtype,
        layout=device.layout,
        part=(ranks.index, ranks.count),
    )


def build_setup(recipe: Recipe, classes: int, device: Device, steps: int) -> Setup:
    """Return what is known before the first step.

    Raises:
        RecipeError: When the architecture does not support the images or the classes.
    """
    image = recipe.tables.image.shape
    try:
        with calling(recipe.architecture, "check", may_raise=(ValueError,)):
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
    """Return the active regularizers, their states on the device.

    Raises:
        RecipeError: When one of them does not support the images, the classes or the latents.
    """
    for each in recipe.regularizers:
        with calling(each, "check"):
            refusal = refusal_of(each, setup.image, setup.classes, setup.latent_dim)
        if refusal is not None:
            raise RecipeError(f"regularizer '{each.name}' cannot be used: {refusal}")
    regularization = Regularization(recipe.regularizers, setup, recipe.tables.training.seed)
    for module in regularization.states().values():
        device.place(module)
    return regularization


def steps_of(recipe: Recipe, batches_per_epoch: int) -> int:
    """Return the steps of the whole run: generator updates, over all epochs."""
    training = recipe.tables.training
    if training.steps is not None:
        return training.steps
    batches = (training.epochs or 0) * batches_per_epoch
    return -(-batches // training.discriminator_updates)
