"""Discriminators of several logits an image, [N, K], beside plain steps written out here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from typing_extensions import override

from gantool import Player, PluginError, Regularizer, Scheduled, Setup, Step
from gantool.testing.harness.trial import in_threads, ranks_in_threads
from gantool_augmentation.plugin import DiffAugment
from gantool_consistency.plugin import Consistency
from gantool_dcgan.plugin import DCGAN
from gantool_gradient_penalties.plugin import R1
from gantool_lecam.plugin import LeCam
from gantool_losses.plugin import Hinge
from gantool_relativistic.plugin import RelativisticAverage
from tests.trainers import assert_replays_are_eager_steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.training.device.ranks import Ranks
    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train

BATCH, PATCHES, GAMMA, RATE = 8, 16, 3.0, 0.1
NONE: dict[str, Any] = {"generator_norm": "none", "discriminator_norm": "none"}
PATCH_GAN = DCGAN(width=4, latent_dim=6, patches=True, **NONE)
PLAIN: dict[str, Any] = {
    "architecture": PATCH_GAN,
    "optimizer": {"use": "sgd", "learning_rate": RATE},
    "device": {"precision": "float64"},
}


def weights_of(count: int) -> Tensor:
    """Return weights of images, the last one's the largest, with mean 1."""
    rising = torch.arange(1, count + 1, dtype=torch.float64)
    return rising / rising.mean()


class Rising(Regularizer):
    """Weighs an image the more, the later it comes in a batch."""

    name = "rising"

    @override
    def sample_weights(self, step: Step) -> Tensor:
        return weights_of(len(step.fake))


def test_the_objective_is_the_mean_over_an_images_logits_and_then_over_weighted_images(
    train: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    trainer = train(Rising(), R1(gamma=Scheduled(GAMMA)), loss=Hinge(), **PLAIN)
    plain, found = follow(trainer), []
    weights = weights_of(BATCH)
    for step in range(3):
        plain.latents.clear()
        trainer.one_step()
        d_latents, g_latents = plain.latents
        real, fake = plain.real(step), plain.g(d_latents).detach()
        real_logits, fake_logits = plain.d(real), plain.d(fake)
        assert real_logits.shape == (BATCH, PATCHES)
        terms = relu(1 - real_logits) + relu(1 + fake_logits)  # [N, K]
        loss = (weights * terms.mean(1)).mean()
        inputs = real.clone().requires_grad_()
        (slope,) = torch.autograd.grad(plain.d(inputs).sum(), inputs, create_graph=True)
        penalty = GAMMA / 2 * slope.square().sum((1, 2, 3)).mean()
        scores = (logits.sigmoid().mean() for logits in (real_logits, fake_logits))
        found.append([value.item() for value in (loss, penalty, *scores)])
        plain.descend(plain.d, loss + penalty, RATE)
        plain.descend(plain.g, -(weights * plain.d(plain.g(g_latents)).mean(1)).mean(), RATE)
    assert plain.distance() < 1e-12
    figures = trainer.game.totals.means()
    names = ("discriminator_loss", "penalty/r1", "real_score", "fake_score")
    means = torch.tensor(found, dtype=torch.float64).mean(0).tolist()
    assert [figures[name] for name in names] == pytest.approx(means, rel=1e-9)


def test_relativistic_averages_are_those_of_each_logit() -> None:
    real, fake = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    loss = RelativisticAverage()
    for terms, logits in (
        (loss.discriminator(real, fake), (real, fake)),
        (loss.generator(fake, real), (fake, real)),
    ):
        a, b = logits
        columns = [
            -(a[:, k] - b[:, k].mean()).sigmoid().log() - (a[:, k].mean() - b[:, k]).sigmoid().log()
            for k in range(3)
        ]
        torch.testing.assert_close(terms, torch.stack(columns, 1))


REGULARIZED = {"r1": [R1(), DiffAugment()], "others": [Consistency(), LeCam(start_step=1)]}


@pytest.mark.parametrize("regularizers", REGULARIZED.values(), ids=REGULARIZED)
def test_slices_and_ranks_train_as_the_batch_does(
    train: Train, regularizers: list[Regularizer]
) -> None:
    def build(ranks: Ranks | None = None, accumulate: int = 1) -> Trainer:
        training = {"accumulate": accumulate, "conditional": True}
        return train(*regularizers, classes=3, training=training, ranks=ranks, **PLAIN)

    def take(trainer: Trainer) -> dict[str, Tensor]:
        for _ in range(3):
            trainer.one_step()
        return dict(trainer.game.network("discriminator").state_dict())

    whole, sliced = take(build()), take(build(accumulate=3))
    ranks = in_threads(take, [build(ranks) for ranks in ranks_in_threads(2)])
    for name, weight in whole.items():
        for other in (sliced, *ranks):
            torch.testing.assert_close(other[name], weight, rtol=0, atol=1e-10)


def test_replays_are_the_eager_steps(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]]
) -> None:
    def build() -> Trainer:
        regularizers = (R1(every_steps=4), DiffAugment(), LeCam(start_step=9))
        training = {"steps": 50, "log_every_steps": 5, "accumulate": 2}
        architecture = DCGAN(width=4, latent_dim=6, discriminator_norm="layer", patches=True)
        return train(*regularizers, architecture=architecture, training=training)

    assert_replays_are_eager_steps(build, bits)


class Squared(Regularizer):
    """Returns a map of logits, not a row."""

    name = "squared"

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> None:
        if player == "discriminator":
            network.register_forward_hook(lambda _, given, logits: logits.unflatten(1, (4, 4)))


def test_a_map_of_logits_is_refused(train: Train) -> None:
    with pytest.raises(PluginError, match=r"shape \[8, 4, 4\] .*expected .*\[8\] or \[8, K\]"):
        train(Squared(), **PLAIN).one_step()
