"""Scheduled numbers in training: each against its formula, recorded, and when a run is resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import NonNegativeFloat
from torch import Tensor
from typing_extensions import override

from gantool import DiscriminatorStep, LazyOption, Regularizer, Scheduled
from gantool.recipe.schema import EmaTable
from gantool.training.average import Average
from gantool_augmentation.plugin import ADA, DiffAugment, InstanceNoise
from gantool_dcgan.plugin import DCGAN
from gantool_gradient_penalties.plugin import R1, R2
from gantool_optimizers.plugin import Adam, AdamW
from tests.trainers import assert_replays_are_eager_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import Optimizer
    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

STEPS = 50
FALLING: dict[str, Any] = {"start": 2e-3, "end": 5e-4, "shape": "cosine", "until": 0.6}
BURN_IN: dict[str, Any] = {
    "optimizer": {
        "learning_rate": FALLING,
        "betas": [0.0, {"start": 0.9, "end": 0.99, "shape": "cosine", "until": 0.6}],
    },
    "ema": {"half_life_images": {"start": 0.0, "end": 300.0, "shape": "cosine", "until": 0.6}},
    "device": {"precision": "float64"},
}
"""The schedules of R3GAN (Huang et al. 2024), beside those of gamma and of the augmentation."""


class Squared(LazyOption, Regularizer):
    """Penalty on large logits, by a weight that may follow the run."""

    name = "squared"
    strength = "weight"
    weight: Scheduled[NonNegativeFloat] = Scheduled(1.0)

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return self.weight.at(step) * step.real_logits.square().mean()


@pytest.mark.parametrize(
    "regularizers",
    [
        [R1(gamma=Scheduled(2.0, 0.2, "cosine", 0.6)), R2(gamma=Scheduled(2.0, 0.2, until=0.6))],
        [ADA(probability=Scheduled(0.0, 0.5, "cosine", 0.6)), Squared(weight=Scheduled(1.0, 0.1))],
        [
            InstanceNoise(deviation=Scheduled(0.1, 0.3)),
            DiffAugment(probability=Scheduled(0.2, 0.9), policy=("cutout",)),
        ],
    ],
    ids=["penalties", "probability", "noise"],
)
def test_fifty_replays_are_eager_steps(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]], regularizers: list[Regularizer]
) -> None:
    def build() -> Trainer:
        network = DCGAN(width=4, latent_dim=6, discriminator_norm="none")
        run = {"steps": STEPS, "log_every_steps": 100}
        return train(*regularizers, architecture=network, training=run, **BURN_IN)

    assert_replays_are_eager_steps(build, bits, STEPS - 1)


def test_the_penalty_of_each_step_has_the_weight_of_that_step(train: Train) -> None:
    trainer = train(
        Squared(weight=Scheduled(1.0, 0.0, until=0.5)),
        training={"steps": 8, "log_every_steps": 1},
        optimizer={"use": "sgd", "learning_rate": 0.0},
        device={"precision": "float64"},
    )
    plain = train(
        Squared(),
        training={"steps": 8, "log_every_steps": 1},
        optimizer={"use": "sgd", "learning_rate": 0.0},
        device={"precision": "float64"},
    )
    for step in range(6):
        found: list[float] = []
        for each in (trainer, plain):
            each.one_step()
            found.append(each.game.totals.means()["penalty/squared"])
            each.game.totals.clear()
        assert found[0] == pytest.approx(max(0, 1 - step / 4) * found[1], rel=1e-12)


@pytest.mark.parametrize(("component", "kind"), [(Adam, "Adam"), (AdamW, "AdamW")])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_with_moving_betas_is_torchs_with_other_betas_in_each_step(
    component: type[Adam | AdamW], kind: str, decay: float
) -> None:
    betas: tuple[Scheduled[float], Scheduled[float]]
    betas = (Scheduled(0.1, 0.5), Scheduled(0.9, 0.99, "cosine", 0.5))
    ours, theirs = (
        torch.nn.Parameter(torch.linspace(-1, 1, 6, dtype=torch.float64)) for _ in range(2)
    )
    rate = torch.tensor(0.02, dtype=torch.float64)
    optimizer: Optimizer = component(betas=betas)
    made = optimizer.build([{"params": [ours], "weight_decay": decay}], rate)
    reference = getattr(torch.optim, kind)(
        [theirs], lr=0.02, betas=(0.1, 0.9), weight_decay=decay, foreach=False
    )
    chance = torch.Generator().manual_seed(0)
    for step in range(20):
        slope = torch.randn(6, generator=chance, dtype=torch.float64)
        ours.grad, theirs.grad = slope.clone(), slope.clone()
        optimizer.follow(made, step / 20)
        reference.param_groups[0]["betas"] = tuple(beta.value(step / 20) for beta in betas)
        made.step()
        reference.step()
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    assert made.state[ours].keys() == reference.state[theirs].keys()


def test_the_averages_half_life_is_that_of_the_step() -> None:
    table = EmaTable.model_validate_json(
        '{"half_life_images": {"start": 0.0, "end": 640.0, "until": 0.5}}'
    )
    average = Average(torch.nn.Linear(1, 1), table, batch_size=64, steps=20)
    halves = [0.0, *(64.0 * step for step in range(1, 10)), *[640.0] * 10]
    expected = [1 - 0.5 ** (64 / half) if half else 1.0 for half in halves]
    assert [average.share_at(step) for step in range(1, 21)] == pytest.approx(expected)


def test_a_resumed_run_goes_on_with_the_numbers_of_its_step(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]]
) -> None:
    def build() -> Trainer:
        return train(Squared(weight=Scheduled(1.0, 0.1)), training={"steps": 12}, **BURN_IN)

    straight, before, after = build(), build(), build()
    for _ in range(8):
        straight.one_step()
    for _ in range(5):
        before.one_step()
    after.load(before.state())
    for _ in range(3):
        after.one_step()
    assert bits(after) == bits(straight)
    assert after.game.followers == {"squared"}
