"""What must not happen: idle regularizers, zero strengths and zero penalties change nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from pydantic import NonNegativeFloat
from torch import Tensor, nn
from typing_extensions import override

from gantool import DiscriminatorStep, GeneratorStep, Player, Regularizer, Setup, Step, Update
from gantool.interfaces.step import PLAYERS
from gantool_augmentation.plugin import ADA, InstanceNoise
from gantool_spectral_norm.plugin import SpectralNorm

if TYPE_CHECKING:
    from gantool.training.players import Competitor
    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

pytestmark = pytest.mark.quick

ONLY_WORDS = {"batch_coupling", "check"}
HOOKS = [
    name
    for name, value in vars(Regularizer).items()
    if callable(value) and not name.startswith("_") and name not in ONLY_WORDS
]
NETWORKS: dict[str, list[Regularizer]] = {
    "batch norm": [],
    "spectral norm": [SpectralNorm(), SpectralNorm(player="generator")],
    "augmented": [ADA(initial_probability=0.5), InstanceNoise()],
}
with_networks = pytest.mark.parametrize("networks", NETWORKS)


class Idle(Regularizer):
    """Overrides nothing."""

    name = "idle"


class Loud(Regularizer):
    """Disturbs whatever it can, unless its strength is 0."""

    name = "loud"
    strength = "volume"

    volume: NonNegativeFloat = 0.0
    """How much of everything."""

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> None:
        for parameter in network.parameters():
            parameter.data.add_(1)

    @override
    def optimizer_options(self, player: Player) -> Mapping[str, Any]:
        return {"amsgrad": True}

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return nn.Linear(1, 1)

    @override
    def latents(self, latents: Tensor, step: Step) -> Tensor:
        return latents + 1

    @override
    def batch(self, real: Tensor, fake: Tensor, step: DiscriminatorStep) -> tuple[Tensor, Tensor]:
        return fake, real

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + 1

    @override
    def sample_weights(self, step: Step) -> Tensor:
        return torch.zeros_like(step.fake_logits)

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return step.discriminate(step.real).sum()

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        return step.discriminate(step.fake).sum()

    @override
    def after_update(self, step: Step) -> None:
        for parameter in step.network(step.player).parameters():
            parameter.zero_()

    @override
    def figures(self, step: Step) -> Mapping[str, Tensor]:
        return {"volume": torch.full((), float("nan"))}

    @override
    def around_update(self, update: Update, step: Step) -> None:
        update()
        update()


class Weightless(Regularizer):
    """Calls both networks in every way and returns 0 times what they say."""

    name = "weightless"

    @override
    def discriminator_penalty(self, step: Step) -> Tensor:
        images = step.generate(step.latents, step.fake_labels)
        seen = step.discriminate(images).sum() + step.features(step.fake).sum()
        shown = step.transform(images) + step.transform(images, like=step.fake)
        return 0 * (seen + shown.sum() + step.image_gradient(step.fake).sum())

    @override
    def generator_penalty(self, step: Step) -> Tensor:
        return self.discriminator_penalty(step)


class BothGraphs(Regularizer):
    """Differentiates in both players."""

    name = "both-graphs"
    needs_both_graphs = True

    @override
    def discriminator_penalty(self, step: Step) -> Tensor:
        losses = step.game_losses()
        return losses.discriminator + losses.generator

    @override
    def generator_penalty(self, step: Step) -> Tensor:
        return self.discriminator_penalty(step)


def three_steps(trainer: Trainer) -> Trainer:
    for _ in range(3):
        trainer.one_step()
    return trainer


def test_the_loud_regularizer_overrides_every_hook() -> None:
    assert len(HOOKS) == 12
    assert [hook for hook in HOOKS if hook not in vars(Loud)] == []


@with_networks
def test_a_regularizer_that_overrides_nothing_is_never_called(
    train: Train,
    bits: Callable[[Trainer], dict[str, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    networks: str,
) -> None:
    others, called = NETWORKS[networks], []
    alone = bits(three_steps(train(*others)))
    for hook in HOOKS:
        monkeypatch.setattr(Regularizer, hook, lambda *_, hook=hook: called.append(hook))
    beside = bits(three_steps(train(Idle(), *others, Idle())))
    assert called == []
    assert beside == alone


@with_networks
def test_a_strength_of_zero_changes_no_bit(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]], networks: str
) -> None:
    others = NETWORKS[networks]
    alone = bits(three_steps(train(*others)))
    assert bits(three_steps(train(Loud(volume=0.0), *others, Loud(volume=0.0)))) == alone
    assert bits(three_steps(train(Loud(volume=1.0), *others))) != alone


@with_networks
def test_a_penalty_times_zero_changes_no_bit(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]], networks: str
) -> None:
    others = NETWORKS[networks]

    def in_networks(trainer: Trainer) -> dict[str, bytes]:
        saved = bits(three_steps(trainer))
        return {path: value for path, value in saved.items() if path.startswith("/networks")}

    alone, beside = in_networks(train(*others)), in_networks(train(Weightless(), *others))
    assert beside == alone
    assert any("running_mean" in path for path in alone)
    assert any("_u" in path for path in alone) == (networks == "spectral norm")


@with_networks
def test_the_global_random_state_is_left_alone(train: Train, networks: str) -> None:
    def global_states() -> tuple[list[int], object, list[int]]:
        keys = np.random.get_state(legacy=False)["state"]["key"]
        return torch.get_rng_state().tolist(), random.getstate(), keys.tolist()

    before = global_states()
    three_steps(train(*NETWORKS[networks], Loud(volume=1.0), image={"horizontal_flip": True}))
    assert global_states() == before


@pytest.mark.parametrize("regularizers", [[], [Loud(volume=1.0)], [BothGraphs()]])
def test_an_update_leaves_the_other_players_gradients_alone(
    train: Train, regularizers: list[Regularizer]
) -> None:
    trainer = train(*regularizers)
    untouched: list[bool] = []
    d, g = (trainer.game.competitors[player] for player in PLAYERS)

    def mark(competitor: Competitor) -> None:
        for parameter in competitor.parameters:
            parameter.grad = torch.full_like(parameter, 7.0)

    def check(competitor: Competitor) -> None:
        gradients = [parameter.grad for parameter in competitor.parameters]
        untouched.append(all(grad is not None and bool((grad == 7).all()) for grad in gradients))

    d.optimizer.register_step_pre_hook(lambda *_: check(g))
    d.optimizer.register_step_post_hook(lambda *_: mark(d))
    g.optimizer.register_step_pre_hook(lambda *_: check(d))
    g.optimizer.register_step_post_hook(lambda *_: mark(g))
    mark(g)
    three_steps(trainer)
    assert len(untouched) >= 6
    assert all(untouched)
