"""Put a trainer together from a recipe and images."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from gantool.data.batches import Batches, Stream
from gantool.errors import RecipeError
from gantool.interfaces.regularizer import refusal_of
from gantool.interfaces.step import PLAYERS, Setup
from gantool.registry.calling import calling, misbehaved
from gantool.training.averages import Average, Totals
from gantool.training.device.compiling import (
    Compiled,
    head_after_features,
    image_gradient,
    translatable_image_gradient,
    with_features,
)
from gantool.training.device.device import is_resident
from gantool.training.device.graphs import CudaRecorder, GraphedTurns, reason_for_eager_steps
from gantool.training.device.ranks import Ranks
from gantool.training.game import Game
from gantool.training.players import build_competitor, build_network
from gantool.training.randomness import Streams
from gantool.training.regularization import Regularization
from gantool.training.state.saving import Accord
from gantool.training.step.update import take_turns
from gantool.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor, nn

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

    Args:
        recipe: What to train.
        images: All images, though this process may train on its rows of each batch only.
        device: What to compute with.
        ranks: The processes that train together; by default this one alone.
        beginning: Trained networks to begin with.
        about: Facts of the run that its checkpoints carry along, as `About` has them.
        saver: Where checkpoints go, if anywhere.

    Raises:
        RecipeError: When the images do not make a batch, or the networks cannot be built so.
        PluginError: When a regularizer asks for what an optimizer does not have.
        UsageError: When the networks to begin with are others.
    """
    game = _game(recipe, images, device, ranks or Ranks(), beginning)
    if recipe.tables.ema.half_life_images is not None:
        with calling(recipe.architecture, "the copying of its generator"):
            size, steps = game.setup.batch_size, game.setup.steps
            generator, table = game.network("generator"), recipe.tables.ema
            game.average = Average(generator, table, batch_size=size, steps=steps)
        if beginning is not None:
            parts = game.setup, game.regularization, game.ranks
            averaged = _network(recipe, *parts, beginning, "average")
            game.average.network.load_state_dict(averaged.state_dict())
    accord = Accord(game.ranks, on_gpu=device.device.type == "cuda")
    training = recipe.tables.training
    return Trainer(game, _turns(game, recipe), training, accord, about, saver)


def _game(
    recipe: Recipe,
    images: TrainingImages,
    device: Device,
    ranks: Ranks,
    beginning: Beginning | None,
) -> Game:
    """Build what all updates share."""
    training = recipe.tables.training
    streams = Streams(training.seed, device.device, device.dtype)
    batches = _batches(recipe, images, device, streams, ranks)
    setup = build_setup(recipe, images.classes, device, steps_of(recipe, batches.per_epoch))
    regularization = build_regularization(recipe, setup, device)
    network = partial(_network, recipe, setup, regularization, ranks, beginning)
    competitors = _competitors(recipe, setup, regularization, device, network)
    compiles = recipe.tables.device.compile
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
        accumulate=training.accumulate,
        uniform_labels=training.label_sampling == "uniform",
        reuse_fakes=training.reuse_fakes,
        horizontal_flip=recipe.tables.image.horizontal_flip,
        ranks=ranks,
        compiled=_compiled(competitors, regularization) if compiles else {},
        gradient=_compiled_gradient() if compiles else image_gradient,
    )


def _competitors(
    recipe: Recipe,
    setup: Setup,
    regularization: Regularization,
    device: Device,
    network: Callable[[Player], nn.Module],
) -> dict[Player, Competitor]:
    """Give the players' networks, once built, to the device and their optimizers."""
    competitors = {}
    for player in PLAYERS:
        table, built = recipe.optimizer[player], network(player)
        if not any(weight.requires_grad for weight in built.parameters()):
            found, expected = "a network without trainable weights", "one that can be trained"
            raise misbehaved(recipe.architecture, player, found, expected)
        competitors[player] = build_competitor(built, player, setup, table, regularization, device)
    return competitors


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


def _compiled(
    competitors: Mapping[Player, Competitor], regularization: Regularization
) -> dict[Player, Callable[..., Any]]:
    """Return the networks as torch.compile calls them; weights and names stay the same."""
    compiled: dict[Player, Callable[..., Any]] = {}
    if regularization.need_both_graphs:  # they are differentiated twice, which compiled ones cannot
        return compiled
    for player, each in competitors.items():
        network = each.network
        if player != "discriminator" or not regularization.need_features:
            compiled[player] = Compiled(network, f"the {player}")
        elif not (network._forward_hooks or network._forward_pre_hooks):
            plain = partial(with_features, network)
            compiled[player] = Compiled(
                plain, f"the {player}", partial(head_after_features, network)
            )
    return compiled


def _compiled_gradient() -> Callable[..., Tensor]:
    what = "the discriminator's gradient in images"
    return Compiled(image_gradient, what, translatable_image_gradient)


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


def _turns(game: Game, recipe: Recipe) -> Callable[[Sequence[Batch], int], None]:
    """Return what makes a step: from a recording, where that is possible and wanted."""
    wish = recipe.tables.device.graph
    if wish == "off" or game.device.device.type != "cuda":
        return partial(take_turns, game)
    if reason := reason_for_eager_steps(game, insists=wish == "on"):
        level = logging.WARNING if wish == "on" else logging.INFO
        logging.getLogger("gantool").log(level, "steps are not recorded: %s", reason)
        return partial(take_turns, game)
    return GraphedTurns(game, CudaRecorder())


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
