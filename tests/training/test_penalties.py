"""Penalties of both players, each against the same penalty in plain PyTorch."""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import NonNegativeFloat
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector
from typing_extensions import override

from gantool import LazyOption, Player, PlayerOption, Regularizer
from tests.linear_players import LinearPlayers

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import DiscriminatorStep, GeneratorStep, Setup, Step
    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train


class R1(LazyOption, Regularizer):
    """Penalize the gradient on real images (Mescheder et al. 2018, eq. 9)."""

    name = "r1"
    strength = "gamma"
    gamma: NonNegativeFloat = 3.0
    """Penalty weight."""

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        gradient = step.image_gradient(step.real, step.real_labels)  # [N, C, H, W]
        return self.gamma / 2 * gradient.square().sum((1, 2, 3)).mean()


class HistoricalAveraging(Regularizer):
    """Pull weights to the average of their past (Salimans et al. 2016, section 3.3)."""

    name = "historical-averaging"

    @override
    def prepare(self, network: nn.Module, player: Player, setup: Setup) -> None:
        network.register_buffer("past", parameters_to_vector(network.parameters()).detach())

    @override
    def discriminator_penalty(self, step: Step) -> Tensor:
        network = step.network(step.player)
        now = parameters_to_vector(network.parameters())
        return (now - network.get_buffer("past")).square().sum()

    @override
    def generator_penalty(self, step: Step) -> Tensor:
        return self.discriminator_penalty(step)

    @override
    def after_update(self, step: Step) -> None:
        network = step.network(step.player)
        now = parameters_to_vector(network.parameters())
        network.get_buffer("past").lerp_(now, 1 / (step.number.to(now) + 2))


class FeatureMatching(Regularizer):
    """Match the mean features of real images (Salimans et al. 2016, section 3.1)."""

    name = "feature-matching"
    needs_real_in_generator = True

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        real = step.features(step.real, step.real_labels).mean(0)
        fake = step.features(step.fake, step.fake_labels).mean(0)
        return (real.detach() - fake).square().sum()


class LatentRegression(PlayerOption, Regularizer):
    """Let a head of its own tell the latents from the features, as InfoGAN does for codes."""

    name = "latent-regression"
    player: Player = "generator"
    """Who tries, and whose optimizer trains the head."""

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        return nn.Linear(5, setup.latent_dim)

    @override
    def discriminator_penalty(self, step: Step) -> Tensor:
        told: Tensor = step.state(nn.Linear)(step.features(step.fake))
        return (told - step.latents).square().mean()

    @override
    def generator_penalty(self, step: Step) -> Tensor:
        return self.discriminator_penalty(step)


@pytest.mark.parametrize("component", [R1, HistoricalAveraging, FeatureMatching, LatentRegression])
def test_the_interface_hosts_it_in_under_25_lines(component: type[Regularizer]) -> None:
    assert len(inspect.getsource(component).splitlines()) < 25


def test_r1_of_a_linear_discriminator_is_half_gamma_times_its_squared_weights(
    train_plain: Train,
    follow: Callable[[Trainer], PlainGame],
) -> None:
    trainer = train_plain(R1(gamma=3.0), architecture=LinearPlayers())
    game = follow(trainer)
    for step in range(3):
        trainer.one_step()
        weights = game.d.to_logit.weight  # D(x) = w x + b
        penalty = 3.0 / 2 * weights.square().sum()
        shown = trainer.game.totals.means()["penalty/r1"]
        trainer.game.totals.clear()
        assert shown == pytest.approx(penalty.item(), abs=1e-12)
        z_d, z_g = game.latents[-2:]
        game.descend(game.d, game.d_loss(game.real(step), game.g(z_d).detach()) + penalty)
        game.descend(game.g, game.g_loss(game.g(z_g)))
    assert game.distance() < 1e-12


def test_a_lazy_penalty_equals_an_eager_one_on_average(train_plain: Train) -> None:
    def discriminator_gradients(every_steps: int) -> list[Tensor]:
        """Return the gradient of each of eight updates, at weights that a rate of 0 keeps."""
        trainer = train_plain(
            R1(every_steps=every_steps),
            optimizer={"use": "sgd", "learning_rate": 0.0},
            training={"discriminator_updates": 2, "batch_size": 24, "steps": 8},
        )
        seen = []
        optimizer = trainer.game.competitors["discriminator"].optimizer
        parameters = trainer.game.competitors["discriminator"].parameters
        optimizer.register_step_post_hook(
            lambda *_: seen.append(
                torch.cat([(0 * p if p.grad is None else p.grad).flatten() for p in parameters])
            )
        )
        for _ in range(4):
            trainer.one_step()
        return seen

    eager, lazy = discriminator_gradients(1), discriminator_gradients(4)
    none = discriminator_gradients(1000)[1:]  # the very first update applies any penalty
    assert len(eager) == len(lazy) == 8
    torch.testing.assert_close(torch.stack(lazy).mean(0), torch.stack(eager).mean(0))
    for index in (1, 2, 3, 5, 6, 7):
        assert torch.equal(lazy[index], none[index - 1])
    for index in (0, 4):
        assert not torch.allclose(lazy[index], eager[index])


def test_historical_averaging_remembers_every_weight(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    rate = 0.1
    trainer = train_plain(HistoricalAveraging(), optimizer={"use": "sgd", "learning_rate": rate})
    game = follow(trainer)
    past = {network: [parameters_to_vector(network.parameters())] for network in (game.d, game.g)}

    def pull(network: nn.Module) -> Tensor:
        mean = torch.stack(past[network]).mean(0).detach()
        return (parameters_to_vector(network.parameters()) - mean).square().sum()

    for step in range(5):
        trainer.one_step()
        z_d, z_g = game.latents[-2:]
        d_loss = game.d_loss(game.real(step), game.g(z_d).detach())
        game.descend(game.d, d_loss + pull(game.d), rate)
        game.descend(game.g, game.g_loss(game.g(z_g)) + pull(game.g), rate)
        for network, weights in past.items():
            weights.append(parameters_to_vector(network.parameters()))
    assert pull(game.d) > 1e-6
    assert game.distance() < 1e-12


def test_feature_matching_is_given_real_images_in_the_generator_update(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    trainer = train_plain(FeatureMatching())
    game = follow(trainer)

    def features(images: Tensor) -> Tensor:
        layer = game.d.blocks[0][0]
        values: Tensor = (images.flatten(1) @ layer.weight.T + layer.bias).tanh()
        return values

    for step in range(3):
        trainer.one_step()
        real, (z_d, z_g) = game.real(step), game.latents[-2:]
        game.descend(game.d, game.d_loss(real, game.g(z_d).detach()))
        fake = game.g(z_g)
        gap = features(real).mean(0).detach() - features(fake).mean(0)
        assert trainer.game.totals.means()["penalty/feature-matching"] == pytest.approx(
            gap.square().sum().item(), abs=1e-12
        )
        trainer.game.totals.clear()
        game.descend(game.g, game.g_loss(fake) + gap.square().sum())
    assert game.distance() < 1e-12


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_penalty_and_its_trained_state_belong_to_the_named_player(
    train_plain: Train, follow: Callable[[Trainer], PlainGame], player: Player
) -> None:
    trainer = train_plain(LatentRegression(player=player))
    game = follow(trainer)
    head = trainer.game.regularization.states()["latent-regression"]
    plain_head: Any = copy.deepcopy(head)
    trained = {c.player: set(c.parameters) for c in trainer.game.competitors.values()}
    other: Player = "generator" if player == "discriminator" else "discriminator"
    assert set(head.parameters()) <= trained[player]
    assert not set(head.parameters()) & trained[other]

    def move(network: nn.Module, loss: Tensor, latents: Tensor, fake: Tensor, mover: str) -> None:
        if mover == player:
            loss = loss + (plain_head(game.d.features(fake)) - latents).square().mean()
            network = nn.ModuleList([network, plain_head])
        game.descend(network, loss)

    for step in range(3):
        trainer.one_step()
        z_d, z_g = game.latents[-2:]
        fake = game.g(z_d).detach()
        move(game.d, game.d_loss(game.real(step), fake), z_d, fake, "discriminator")
        fake = game.g(z_g)
        move(game.g, game.g_loss(fake), z_g, fake, "generator")
    assert game.distance() < 1e-12
    torch.testing.assert_close(head.state_dict(), plain_head.state_dict(), rtol=0, atol=1e-12)
