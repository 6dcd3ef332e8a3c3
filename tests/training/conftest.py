"""Trainers without files, and plain games that share no code with the engine."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import torch
from torch import Tensor, nn

from gantool import Architecture, Loss, Player, Regularizer
from gantool.training.trainer import Trainer
from gantool_dcgan.plugin import DCGAN
from tests.linear_players import LinearPlayers
from tests.trainers import bits_of, merged, train_on_random_images

if TYPE_CHECKING:
    from gantool.training.device.ranks import Ranks
    from gantool.training.state.beginning import Beginning

torch.set_num_threads(1)


class Train(Protocol):
    """Builds a trainer; every argument has a default."""

    def __call__(
        self,
        *regularizers: Regularizer,
        architecture: Architecture | None = None,
        loss: Loss | None = None,
        optimizer: Mapping[str, Any] | None = None,
        discriminator_optimizer: Mapping[str, Any] | None = None,
        count: int = 24,
        classes: int = 0,
        ranks: Ranks | None = None,
        beginning: Beginning | None = None,
        **tables: Mapping[str, Any],
    ) -> Trainer: ...


def _trainer(
    *regularizers: Regularizer,
    architecture: Architecture | None = None,
    loss: Loss | None = None,
    optimizer: Mapping[str, Any] | None = None,
    discriminator_optimizer: Mapping[str, Any] | None = None,
    count: int = 24,
    classes: int = 0,
    ranks: Ranks | None = None,
    beginning: Beginning | None = None,
    **tables: Mapping[str, Any],
) -> Trainer:
    generators = optimizer or {}
    defaults = {"training": {"steps": 8, "batch_size": 8}, "image": {"size": 16}}
    return train_on_random_images(
        regularizers,
        architecture or DCGAN(width=8, latent_dim=10),
        loss,
        {"generator": generators, "discriminator": discriminator_optimizer or generators},
        merged(tables, defaults),
        count=count,
        classes=classes,
        ranks=ranks,
        beginning=beginning,
    )


@pytest.fixture
def train() -> Train:
    return _trainer


@pytest.fixture
def train_plain() -> Train:
    """Return trainers of small linear players in float64 under SGD: 2x2 grayscale images."""

    def build(*regularizers: Regularizer, **options: Any) -> Trainer:
        defaults: dict[str, Any] = {
            "architecture": LinearPlayers(depth=1),
            "optimizer": {"use": "sgd", "learning_rate": 0.5},
            "image": {"size": 2, "channels": 1},
            "device": {"precision": "float64"},
        }
        return _trainer(*regularizers, **{**defaults, **options})

    return build


@pytest.fixture
def bits() -> Callable[[Trainer], dict[str, bytes]]:
    """Return everything a trainer would save, as bytes by path: equal means bitwise equal."""
    return bits_of


@pytest.fixture
def weights() -> Callable[[Trainer], dict[str, bytes]]:
    """Return the bytes of networks, optimizers and average: what a bystander must not change."""

    def of(trainer: Trainer) -> dict[str, bytes]:
        parts = ("/networks", "/optimizers", "/average")
        return {path: value for path, value in bits_of(trainer).items() if path.startswith(parts)}

    return of


class PlainGame:
    """Plain SGD on copies of a trainer's first networks, and a record of what the engine fed them.

    Attributes:
        latents: Inputs of the engine's generator, in order, calls on copied buffers included.
        shown: Inputs of its discriminator, likewise.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self.g: Any = copy.deepcopy(trainer.game.network("generator"))
        self.d: Any = copy.deepcopy(trainer.game.network("discriminator"))
        self.latents: list[Tensor] = []
        self.shown: list[Tensor] = []
        inputs_of: dict[Player, list[Tensor]] = {
            "generator": self.latents,
            "discriminator": self.shown,
        }
        for player, inputs in inputs_of.items():
            trainer.game.network(player).register_forward_pre_hook(
                lambda _, given, inputs=inputs: inputs.append(given[0].detach().clone())
            )

    def real(self, number: int) -> Tensor:
        """Return the real images of the run's batch `number`."""
        batches = self._trainer.game.batches
        assert isinstance(batches.images, Tensor)
        pixels = batches.images[batches.indices(number)].permute(0, 3, 1, 2)
        return (pixels.to(self._trainer.game.device.dtype) / 255 - 0.5) / 0.5

    def d_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return -log D(x) - log(1 - D(G(z))), averaged."""
        log_real, log_fake = self.d(real).sigmoid().log(), (1 - self.d(fake).sigmoid()).log()
        loss: Tensor = -(log_real.mean() + log_fake.mean())
        return loss

    def g_loss(self, fake: Tensor) -> Tensor:
        """Return -log D(G(z)), averaged."""
        loss: Tensor = -self.d(fake).sigmoid().log().mean()
        return loss

    def descend(self, network: nn.Module, loss: Tensor, rate: float = 0.5) -> None:
        """Take one step of plain gradient descent."""
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.sub_(rate * gradient)

    def distance(self) -> float:
        """Return the largest difference between our weights and the engine's."""
        pairs: list[tuple[nn.Module, Player]]
        pairs = [(self.g, "generator"), (self.d, "discriminator")]
        return max(
            float((ours - theirs).detach().abs().max())
            for network, player in pairs
            for ours, theirs in zip(
                network.parameters(), self._trainer.game.network(player).parameters(), strict=True
            )
        )


@pytest.fixture
def follow() -> Callable[[Trainer], PlainGame]:
    """Return what sets up a plain game beside a trainer that has not begun."""
    return PlainGame
