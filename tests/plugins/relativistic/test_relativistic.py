"""Relativistic losses against numbers worked out by hand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from gantool_dcgan.plugin import DCGAN
from gantool_gradient_penalties.plugin import R1, R2
from gantool_relativistic.plugin import RelativisticAverage, RelativisticPairing
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import Loss
    from gantool.training.trainer import Trainer

LOSSES: list[Loss] = [RelativisticPairing(), RelativisticAverage()]
REAL, FAKE = [math.log(3), 0.0], [0.0, math.log(7)]


def logits(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def test_pairing_is_the_log_of_a_ratio_of_odds() -> None:
    loss = RelativisticPairing()
    # -log sigmoid(log a - log b) = log(1 + b / a): pairs (3, 1) and (1, 7)
    expected = [math.log(1 + 1 / 3), math.log(1 + 7)]
    torch.testing.assert_close(loss.discriminator(logits(REAL), logits(FAKE)), logits(expected))
    expected = [math.log(1 + 3), math.log(1 + 1 / 7)]
    torch.testing.assert_close(loss.generator(logits(FAKE), logits(REAL)), logits(expected))


def test_average_compares_with_the_mean_of_the_other_kind() -> None:
    loss = RelativisticAverage()
    real, fake = math.sqrt(3), math.sqrt(7)  # odds of the mean logits
    expected = [
        math.log(1 + fake / 3) + math.log(1 + 1 / real),
        math.log(1 + fake / 1) + math.log(1 + 7 / real),
    ]
    torch.testing.assert_close(loss.discriminator(logits(REAL), logits(FAKE)), logits(expected))
    expected = [
        math.log(1 + real / 1) + math.log(1 + 3 / fake),
        math.log(1 + real / 7) + math.log(1 + 1 / fake),
    ]
    torch.testing.assert_close(loss.generator(logits(FAKE), logits(REAL)), logits(expected))


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_are_finite_smooth_and_push_the_right_way(loss: Loss) -> None:
    source = torch.Generator().manual_seed(0)
    far = 1e4 * torch.randn(5, generator=source, dtype=torch.float64)
    for real, fake in ((far, -far), (-far, far), (far, far)):
        assert loss.discriminator(real, fake).isfinite().all()
        assert loss.generator(fake, real).isfinite().all()
    real, fake = logits([0.3, -1.0, 0.2]), logits([0.1, 0.5, -2.0])
    assert torch.autograd.gradcheck(loss.discriminator, (real, fake))
    assert torch.autograd.gradcheck(loss.generator, (fake, real))
    up, down = torch.autograd.grad(loss.discriminator(real, fake).sum(), (real, fake))
    assert up.max() < 0 < down.min()
    (up,) = torch.autograd.grad(loss.generator(fake, real).sum(), fake)
    assert up.max() < 0


@pytest.mark.parametrize("loss", LOSSES)
def test_the_generator_is_trained_on_real_images_too(
    build: Callable[..., Trainer], loss: Loss
) -> None:
    trainer = build(loss=loss, architecture=LinearPlayers(depth=1))
    discriminator, shown = trainer.game.network("discriminator"), []
    discriminator.register_forward_pre_hook(lambda _, given: shown.append(given[0].detach()))
    trainer.one_step()
    batch = trainer.game.batches.batch(0).images
    real_d, _, real_g, fake_g = shown
    assert torch.equal(real_d, batch)
    assert torch.equal(real_g, batch)
    expected = loss.generator(discriminator(fake_g), discriminator(real_g)).mean().item()
    assert trainer.game.totals.means()["generator_loss"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_runs_with_r1_and_r2_resume(
    build: Callable[..., Trainer], continues: Callable[..., bool], loss: Loss
) -> None:
    def make() -> Trainer:
        architecture = DCGAN(width=4, latent_dim=3, discriminator_norm="none")
        return build(R1(), R2(), loss=loss, architecture=architecture, image={"size": 16})

    assert continues(make, 2)
