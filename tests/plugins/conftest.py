"""Small players in float64, and single updates on images that a test chooses."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from gantool import Architecture, Loss, Player, Regularizer
from gantool.data.batches import Rows
from gantool.interfaces.step import PLAYERS
from gantool.training.step.view import Seen, UpdateStep
from gantool.training.trainer import Trainer
from tests.linear_players import LinearPlayers
from tests.trainers import bits_of, merged, train_on_random_images

torch.set_num_threads(1)

Build = Callable[[], Trainer]


def build(
    *regularizers: Regularizer,
    architecture: Architecture | None = None,
    loss: Loss | None = None,
    optimizer: Mapping[str, Any] | None = None,
    classes: int = 0,
    count: int = 24,
    **tables: Mapping[str, Any],
) -> Trainer:
    """Return a trainer in float64 on random images; keyword arguments are tables of a recipe."""
    defaults: dict[str, Any] = {
        "image": {"size": [4, 6]},
        "training": {"steps": 8, "batch_size": 8, "conditional": bool(classes)},
        "device": {"name": "cpu", "precision": "float64"},
    }
    table = {"use": "sgd", "learning_rate": 0.1, **(optimizer or {})}
    return train_on_random_images(
        regularizers,
        architecture or LinearPlayers(),
        loss,
        dict.fromkeys(PLAYERS, table),
        merged(tables, defaults),
        count=count,
        classes=classes,
    )


class Bench:
    """Single hooks of a trainer's first regularizer, on images that the test chooses."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.game = trainer.game
        self.active = trainer.game.regularization.active[0]

    def images(self, count: int = 8, seed: int = 0) -> Tensor:
        """Return random images [N, C, H, W] in [-1, 1]."""
        source = torch.Generator().manual_seed(seed)
        shape = (count, *self.game.setup.image)
        return 2 * torch.rand(shape, generator=source, dtype=torch.float64) - 1

    def step(self, hook: str, player: Player = "discriminator", **seen: Tensor) -> UpdateStep:
        """Return the step of the first update as the regularizer sees it, with what was seen."""
        self.game.streams.begin(0, player, 0, 0, "")
        known = Seen(**seen)  # type: ignore[arg-type]
        count = len(next(iter(seen.values())))
        known.fake = self.images(count, 1) if known.fake is None else known.fake
        known.real = self.images(count, 2) if known.real is None else known.real
        step = UpdateStep(self.game, player, Rows(0, count, count), known)
        known.real_logits = self.logits(step.show(known.real, "real"), known.real_labels)
        known.fake_logits = self.logits(step.show(known.fake, "fake"), known.fake_labels)
        return step.for_(self.active, hook)

    def logits(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the discriminator's logits [N], on copies of its buffers."""
        return self.game.probe("discriminator", images, labels)

    def penalty(self, player: Player = "discriminator", **seen: Tensor) -> Tensor:
        """Return a player's penalty, a scalar."""
        if player == "generator":
            seen = {**seen, "fake": self.game.probe("generator", seen["latents"], None)}
        hook = f"{player}_penalty"
        penalty: Tensor = getattr(self.active.component, hook)(self.step(hook, player, **seen))
        assert penalty.dim() == 0
        return penalty

    def transform(self, images: Tensor, player: Player = "discriminator") -> Tensor:
        """Return what the regularizer shows the discriminator of images."""
        step = self.step("transform real", player, real=images, fake=images)
        return self.active.component.transform(images, step)

    def slope_error(self, player: Player = "discriminator", **seen: Tensor) -> float:
        """Return how far a penalty's gradient in the player's weights is from a difference.

        Relative, along a random direction; central differences are exact to about 1e-9.
        """
        weights = self.game.competitors[player].parameters
        source = torch.Generator().manual_seed(7)
        way = [torch.randn(w.shape, generator=source, dtype=w.dtype) for w in weights]
        value = self.penalty(player, **seen)
        slopes = torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True)
        slope = sum((g * v).sum().item() for g, v in zip(slopes, way, strict=True))
        values = []
        for move in (1e-5, -2e-5, 1e-5):
            with torch.no_grad():
                for weight, direction in zip(weights, way, strict=True):
                    weight.add_(move * direction)
            values.append(self.penalty(player, **seen).item())
        assert slope
        return abs((values[0] - values[1]) / 2e-5 / slope - 1)


def continues(make: Build, steps: int = 3) -> bool:
    """Return whether n steps, a checkpoint and n steps in another process equal 2n, bitwise."""
    whole, first, second = make(), make(), make()
    saved = io.BytesIO()
    for _ in range(steps):
        first.one_step()
    torch.save(first.state(), saved)
    saved.seek(0)
    second.load(torch.load(saved, weights_only=True))
    for _ in range(steps):
        second.one_step()
    for _ in range(2 * steps):
        whole.one_step()
    return bits_of(whole) == bits_of(second) != bits_of(first)


def gradients(make: Build, player: Player, updates: int) -> list[Tensor]:
    """Return a player's gradient, flat, in each of its updates; at a rate of 0 weights stay."""
    trainer, seen = make(), []
    competitor = trainer.game.competitors[player]

    def note(*_: object) -> None:
        parts = [0 * p if p.grad is None else p.grad for p in competitor.parameters]
        seen.append(torch.cat([part.flatten() for part in parts]).clone())

    competitor.optimizer.register_step_pre_hook(note)
    while len(seen) < updates:
        trainer.one_step()
    return copy.copy(seen)


@pytest.fixture(name="build")
def build_fixture() -> Callable[..., Trainer]:
    """Return what builds a trainer in float64 around small players."""
    return build


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Return what puts a regularizer on a bench: `bench(R1(), ...)`."""
    return lambda *regularizers, **options: Bench(build(*regularizers, **options))


@pytest.fixture(name="continues")
def continues_fixture() -> Callable[..., bool]:
    """Return what tells whether an interrupted run equals an uninterrupted one."""
    return continues


@pytest.fixture(name="gradients")
def gradients_fixture() -> Callable[..., list[Tensor]]:
    """Return what collects gradients while weights stay as they are."""
    return gradients


@pytest.fixture(name="bits_of")
def bits_fixture() -> Callable[[Trainer], dict[str, bytes]]:
    """Return what lists everything a trainer would save."""
    return bits_of
