"""A run's generator: at a checkpoint, or while it is trained."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from gantool.errors import UsageError
from gantool.evaluation.sampling.generator import TrainedGenerator, refuse_non_finite
from gantool.recipe.documents import unsaid
from gantool.recipe.reading import read_recipe
from gantool.runs.checkpoints import Checkpoint, Checkpoints
from gantool.runs.status import read_status
from gantool.text import visible
from gantool.training.building import build_regularization, build_setup
from gantool.training.device.device import open_device
from gantool.training.players import build_network
from gantool.training.state.form import load_network, training_state, younger_options_named

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.dataset import ImageShape
    from gantool.interfaces.step import Player
    from gantool.recipe.schema import Recipe
    from gantool.runs.folder import RunFolder
    from gantool.runs.status import RunStatus
    from gantool.training.device.device import Device
    from gantool.training.state.form import State
    from gantool.training.trainer import Trainer


NEWEST = "newest"
BEST = "best"


class RecipesGenerator(TrainedGenerator):
    """A generator as a recipe has it built, trained and sampled."""

    @property
    @abstractmethod
    def recipe(self) -> Recipe:
        """The recipe."""

    @property
    @abstractmethod
    def has_average(self) -> bool:
        """Whether an average of its weights was kept."""

    @property
    @override
    def image(self) -> ImageShape:
        return self.recipe.tables.image.shape

    @property
    @override
    def latent_dim(self) -> int:
        return self.recipe.architecture.latent_dim

    @property
    @override
    def architecture(self) -> Architecture:
        return self.recipe.architecture

    @property
    @override
    def averaged(self) -> bool:
        return self.has_average and self.recipe.tables.sampling.weights != "raw"

    @property
    @override
    def batch_statistics(self) -> str:
        return self.recipe.tables.sampling.batch_statistics


@dataclass(frozen=True)
class GeneratorInTraining(RecipesGenerator):
    """The generator of a run that is being trained; its images may not be finite.

    `names` are of the classes of a conditional run, by label.
    """

    trainer: Trainer
    run_recipe: Recipe
    names: tuple[str, ...]
    trained_with: Device

    @property
    @override
    def recipe(self) -> Recipe:
        return self.run_recipe

    @property
    @override
    def classes(self) -> tuple[str, ...]:
        return self.names

    @property
    @override
    def device(self) -> Device:
        return self.trained_with

    @property
    @override
    def name(self) -> str:
        return self.recipe.name

    @property
    @override
    def step(self) -> int:
        return self.trainer.step

    @property
    @override
    def has_average(self) -> bool:
        return self.trainer.game.average is not None

    @property
    @override
    def network(self) -> nn.Module:
        game = self.trainer.game
        if self.averaged and game.average is not None:
            return game.average.network
        return game.network("generator")

    @override
    def _finite(self, images: Tensor) -> Tensor:
        return images  # the trainer notices, and says more


@dataclass(frozen=True)
class TrainedRun(RecipesGenerator):
    """A run's checkpoint, opened when it is first needed.

    Attributes:
        folder: The run folder.
        device_name: The device to compute with; None for the recipe's.
        checkpoint: "newest" for the newest intact one, "best" for the one with the best score, or
            the number of steps it was saved after.
        settings: Values to put over the recipe's, as in "sampling.weights=raw".
    """

    folder: RunFolder
    device_name: str | None = None
    checkpoint: str = NEWEST
    settings: tuple[str, ...] = ()

    @cached_property
    def recipe(self) -> Recipe:
        """The resolved recipe of the run."""
        device = [f'device.name="{self.device_name}"'] if self.device_name else []
        return read_recipe(self.folder.recipe, [*self.settings, *device])

    @property
    @override
    def name(self) -> str:
        return visible(self.folder.path.resolve().name)

    @property
    @override
    def step(self) -> int:
        return int(self.state["step"])

    @property
    @override
    def classes(self) -> tuple[str, ...]:
        return tuple(self.about["classes"])

    @property
    def about(self) -> Mapping[str, Any]:
        """Facts of the run that the checkpoint carries along."""
        return dict(self.state["about"])

    @cached_property
    def status(self) -> RunStatus:
        """The run's status."""
        return read_status(self.folder)

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the prepared images that the run was trained on."""
        return str(self.about["fingerprint"])

    @property
    @override
    def has_average(self) -> bool:
        return self.state["average"] is not None

    @cached_property
    def device(self) -> Device:
        """The device that images are drawn with."""
        return open_device(self.recipe.tables.device)

    @cached_property
    def state(self) -> State:
        """What the checkpoint holds."""
        return chosen_state(self.folder, self.checkpoint)

    @cached_property
    def network(self) -> nn.Module:
        """The generator, averaged or raw as the recipe's `[sampling]` says, on the device."""
        network = self.build("generator")
        average = self.state["average"] if self.averaged else None
        weights = average or self.state["networks"]["generator"]
        with younger_options_named(
            self.architecture, unsaid(self.recipe, "architecture"), str(self.folder.recipe)
        ):
            load_network(network, weights, "generator")
        refuse_non_finite(network, self.name, "choose an earlier one with --checkpoint STEPS")
        return self.device.place(network).requires_grad_(requires_grad=False)

    def build(self, player: Player, before: Callable[[nn.Module], None] | None = None) -> nn.Module:
        """Build a player's network on the CPU as the run does, regularizers and all.

        Args:
            player: Whose network.
            before: Is called with it before regularizers change it.
        """
        setup = build_setup(self.recipe, len(self.classes), self.device, steps=1)
        regularization = build_regularization(self.recipe, setup, self.device)
        return build_network(
            self.architecture, player, setup, regularization, seed=0, before=before
        )


def newest_state(folder: RunFolder) -> State:
    """Return the newest intact state of a run; damaged ones are named and passed over.

    Raises:
        UsageError: When no checkpoint is intact.
    """
    import logging

    checkpoint, damages = Checkpoints(folder.checkpoints, read_status(folder).identifier).newest()
    for damage in damages:
        logging.getLogger("gantool").warning("checkpoint passed over: %s", damage)
    if checkpoint is None:
        found = "; ".join(damages) or "none was saved"
        raise UsageError(f"run {folder.path} has no intact checkpoint: {found}")
    return training_state(checkpoint)


def chosen_state(folder: RunFolder, checkpoint: str) -> State:
    """Return the state that `TrainedRun.checkpoint` means.

    Raises:
        UsageError: When there is no such checkpoint, or it is damaged.
    """
    if checkpoint == NEWEST:
        return newest_state(folder)
    saved = Checkpoints(folder.checkpoints, read_status(folder).identifier)
    found = _best(saved) if checkpoint == BEST else _numbered(saved, checkpoint)
    if damage := found.damage(read_status(folder).identifier):
        raise UsageError(f"{found.path} cannot be used: {damage}", "choose another checkpoint")
    return training_state(found)


def _best(saved: Checkpoints) -> Checkpoint:
    rated = [(score, each) for each in saved.all() if (score := each.score()) is not None]
    if not rated:
        way_out = "scores are given during training: evaluation.every_epochs"
        raise UsageError("no checkpoint of the run has a score, so none is the best", way_out)
    return min(rated, key=lambda pair: pair[0])[1]


def _numbered(saved: Checkpoints, checkpoint: str) -> Checkpoint:
    for each in saved.all():
        if checkpoint.isdecimal() and each.step == int(checkpoint):
            return each
    steps = ", ".join(str(each.step) for each in saved.all()) or "none"
    raise UsageError(
        f"expected a checkpoint of the run, got '{checkpoint}'",
        f"{NEWEST}, {BEST}, or the steps of one: {steps}",
    )
