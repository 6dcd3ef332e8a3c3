"""Regularizers that change latents, batches, views and sample weights, against plain PyTorch."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated

import pytest
import torch
from pydantic import Field, NonNegativeFloat
from torch import Tensor
from typing_extensions import override

from gantool import Regularizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import DiscriminatorStep, Step
    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train

Share = Annotated[float, Field(ge=0, le=1)]


class TopK(Regularizer):
    """Train the generator on its best fakes, fewer and fewer (Sinha et al. 2020, section 3)."""

    name = "top-k"

    smallest: Share = 0.5
    """Share of the fakes that is left at the end."""

    @override
    def sample_weights(self, step: Step) -> Tensor | None:
        if step.player == "discriminator":
            return None
        logits = step.fake_logits.detach()  # [N]
        ranks = logits.argsort(descending=True).argsort()
        share = 1 - (1 - self.smallest) * step.progress
        kept = (share * len(logits)).ceil()
        return (ranks < kept) * len(logits) / kept


class LabelFlip(Regularizer):
    """Show some real images as fakes and those fakes as real."""

    name = "label-flip"

    probability: Share = 0.5
    """Share of the pairs that is swapped."""

    @override
    def batch(self, real: Tensor, fake: Tensor, step: DiscriminatorStep) -> tuple[Tensor, Tensor]:
        draws = step.random.uniform(len(real), 1, 1, 1)
        swapped = draws < self.probability
        return torch.where(swapped, fake, real), torch.where(swapped, real, fake)


class InstanceNoise(Regularizer):
    """Add noise that fades over the run to all that is shown (Sonderby et al. 2017, section 3)."""

    name = "instance-noise"
    strength = "sigma"

    sigma: NonNegativeFloat = 0.5
    """Standard deviation of the noise at the start."""

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        noise = step.random.normal(*images.shape)
        return images + self.sigma * (1 - step.progress) * noise


class LatentOptimization(Regularizer):
    """Move latents to where the discriminator sees more (Wu et al. 2019, eq. 11)."""

    name = "latent-optimization"

    alpha: NonNegativeFloat = 0.9
    """Step size."""

    @override
    def latents(self, latents: Tensor, step: Step) -> Tensor:
        moved = latents.detach().requires_grad_()
        logits = step.discriminate(step.generate(moved, step.fake_labels), step.fake_labels)
        (slope,) = torch.autograd.grad(logits.sum(), moved)  # [N, latent_dim]
        return latents + self.alpha * slope / (5 + slope.square().sum(1, keepdim=True))


@pytest.mark.parametrize("component", [TopK, LabelFlip, InstanceNoise, LatentOptimization])
def test_the_interface_hosts_it_in_under_25_lines(component: type[Regularizer]) -> None:
    assert len(inspect.getsource(component).splitlines()) < 25


def test_top_k_trains_the_generator_on_the_best_fakes(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    trainer = train_plain(TopK(smallest=0.5), training={"steps": 4})
    game = follow(trainer)
    for step, kept in enumerate((8, 7, 6, 5)):
        trainer.one_step()
        z_d, z_g = game.latents[-2:]
        game.descend(game.d, game.d_loss(game.real(step), game.g(z_d).detach()))
        best = game.d(game.g(z_g)).sort(descending=True).values[:kept]
        game.descend(game.g, -best.sigmoid().log().mean())
    assert game.distance() < 1e-12


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_label_flip_swaps_real_and_fake_rows(
    train_plain: Train, follow: Callable[[Trainer], PlainGame], probability: float
) -> None:
    trainer = train_plain(LabelFlip(probability=probability), training={"steps": 6})
    game = follow(trainer)
    swaps: list[bool] = []
    for step in range(6):
        trainer.one_step()
        z_d, z_g = game.latents[-2:]
        real, fake = game.real(step), game.g(z_d).detach()
        shown_real, shown_fake, _ = game.shown[-3:]
        for row in range(len(real)):
            swapped = torch.allclose(shown_real[row], fake[row], rtol=0, atol=1e-9)
            expected = (fake[row], real[row]) if swapped else (real[row], fake[row])
            torch.testing.assert_close(
                (shown_real[row], shown_fake[row]), expected, rtol=0, atol=1e-9
            )
            swaps.append(swapped)
        game.descend(game.d, game.d_loss(shown_real, shown_fake))
        game.descend(game.g, game.g_loss(game.g(z_g)))
    share = sum(swaps) / len(swaps)
    assert share == probability or (probability == 0.5 and 0.25 < share < 0.75)
    assert game.distance() < 1e-12


def test_instance_noise_fades_and_is_new_for_every_view(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    trainer = train_plain(InstanceNoise(sigma=0.5), image={"size": 24}, training={"steps": 4})
    game = follow(trainer)
    noises: list[Tensor] = []
    for step in range(4):
        trainer.one_step()
        z_d, z_g = game.latents[-2:]
        real, fake = game.real(step), game.g(z_d).detach()
        shown_real, shown_fake, shown_last = game.shown[-3:]
        game.descend(game.d, game.d_loss(shown_real, shown_fake))
        last = game.g(z_g)
        noise = shown_last - last.detach()
        game.descend(game.g, game.g_loss(last + noise))
        noises += [shown_real - real, shown_fake - fake, noise]
        for seen in noises[-3:]:  # 13,824 numbers: the deviation's own is under 1 %
            assert float(seen.std()) == pytest.approx(0.5 * (1 - step / 4), rel=0.03)
            assert float(seen.mean()) == pytest.approx(0, abs=0.02)
    assert game.distance() < 1e-9
    similarity = torch.corrcoef(torch.stack([noise.flatten() for noise in noises]))
    assert float((similarity - torch.eye(12)).abs().max()) < 0.05


def test_latents_can_follow_the_discriminators_gradient(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    trainer = train_plain(LatentOptimization())
    game = follow(trainer)

    def moved(latents: Tensor) -> Tensor:
        z = latents.clone().requires_grad_()
        (slope,) = torch.autograd.grad(game.d(game.g(z)).sum(), z)
        return latents + 0.9 * slope / (5 + (slope**2).sum(1, keepdim=True))

    for step in range(3):
        trainer.one_step()
        z_d, used_d, z_g, used_g = game.latents[-4:]
        torch.testing.assert_close(used_d, moved(z_d), rtol=0, atol=1e-12)
        assert not torch.allclose(used_d, z_d)
        game.descend(game.d, game.d_loss(game.real(step), game.g(used_d).detach()))
        torch.testing.assert_close(used_g, moved(z_g), rtol=0, atol=1e-12)
        game.descend(game.g, game.g_loss(game.g(used_g)))
    assert game.distance() < 1e-12
