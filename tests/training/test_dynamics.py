"""Regularizers that change how the players move, each against plain PyTorch."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING

import pytest
import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector
from typing_extensions import override

from gantool import Player, PlayerOption, Regularizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import Step, Update
    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train


class ConsensusOptimization(Regularizer):
    """Penalize the vector field of the game (Mescheder et al. 2017, eq. 10)."""

    name = "consensus-optimization"
    needs_both_graphs = True

    gamma: PositiveFloat = 0.4
    """Penalty weight."""

    @override
    def discriminator_penalty(self, step: Step) -> Tensor:
        losses = step.game_losses()
        d_weights = list(step.network("discriminator").parameters())
        g_weights = list(step.network("generator").parameters())
        field = [
            *torch.autograd.grad(losses.discriminator, d_weights, create_graph=True),
            *torch.autograd.grad(losses.generator, g_weights, create_graph=True),
        ]
        return self.gamma / 2 * torch.stack([part.square().sum() for part in field]).sum()

    @override
    def generator_penalty(self, step: Step) -> Tensor:
        return self.discriminator_penalty(step)


class Unrolled(PlayerOption, Regularizer):
    """Play against the discriminator of some updates later (Metz et al. 2017), first-order."""

    name = "unrolled"
    player: Player = "generator"
    """Who looks ahead."""
    updates: PositiveInt = 2
    """Discriminator updates to look ahead."""

    @override
    def around_update(self, update: Update, step: Step) -> None:
        with step.snapshot("discriminator"):
            for _ in range(self.updates):
                update("discriminator")
            update()


class Extragradient(Regularizer):
    """Move by the gradient found one step ahead (Gidel et al. 2019, eq. 8)."""

    name = "extragradient"

    @override
    def around_update(self, update: Update, step: Step) -> None:
        before = step.snapshot(step.player)
        update()
        update.gradients()
        before.restore()
        update.apply()


class WeightClipping(PlayerOption, Regularizer):
    """Keep weights in a box (Arjovsky et al. 2017, algorithm 1)."""

    name = "weight-clipping"
    limit: PositiveFloat = 0.1
    """Largest absolute weight."""

    @override
    def after_update(self, step: Step) -> None:
        for weight in step.network(self.player).parameters():
            weight.clamp_(-self.limit, self.limit)


@pytest.mark.parametrize(
    "component", [ConsensusOptimization, Unrolled, Extragradient, WeightClipping]
)
def test_the_interface_hosts_it_in_under_25_lines(component: type[Regularizer]) -> None:
    assert len(inspect.getsource(component).splitlines()) < 25


def test_consensus_optimization_differentiates_in_both_players(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    trainer = train_plain(ConsensusOptimization())
    game = follow(trainer)

    def field(real: Tensor, fake: Tensor) -> Tensor:
        d_gradient = torch.autograd.grad(
            game.d_loss(real, fake), list(game.d.parameters()), create_graph=True
        )
        g_gradient = torch.autograd.grad(
            game.g_loss(fake), list(game.g.parameters()), create_graph=True
        )
        norms = [(part**2).sum() for part in (*d_gradient, *g_gradient)]
        return 0.2 * torch.stack(norms).sum()

    for step in range(3):
        trainer.one_step()
        real, (z_d, z_g) = game.real(step), game.latents[-2:]
        fake = game.g(z_d)
        game.descend(game.d, game.d_loss(real, fake) + field(real, fake))
        fake = game.g(z_g)
        game.descend(game.g, game.g_loss(fake) + field(real, fake))
    assert game.distance() < 1e-12


def test_unrolled_comes_back_from_its_look_ahead(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    trainer = train_plain(Unrolled(updates=2))
    game = follow(trainer)
    for step in range(3):
        trainer.one_step()
        real = game.real(step)
        z_d, first, second, z_g = game.latents[-4:]
        assert not torch.equal(z_d, first)
        assert not torch.equal(first, second)
        game.descend(game.d, game.d_loss(real, game.g(z_d).detach()))
        present = {name: value.clone() for name, value in game.d.state_dict().items()}
        for ahead in (first, second):
            game.descend(game.d, game.d_loss(real, game.g(ahead).detach()))
        game.descend(game.g, game.g_loss(game.g(z_g)))
        game.d.load_state_dict(present)
    assert game.distance() < 1e-12


def test_a_look_ahead_leaves_the_discriminator_bitwise_as_it_was(
    train: Train, weights: Callable[[Trainer], dict[str, bytes]]
) -> None:
    seen: list[dict[str, bytes]] = []

    class Watch(PlayerOption, Regularizer):
        """Look at the discriminator before and after the whole of the generator's update."""

        name = "watch"
        player: Player = "generator"
        """Whose update is watched."""

        @override
        def around_update(self, update: Update, step: Step) -> None:
            seen.append(weights(trainer))
            update()
            seen.append(weights(trainer))

    trainer = train(Unrolled(updates=3), Watch())  # BatchNorm, Adam
    for _ in range(2):
        trainer.one_step()
    for before, after in ((seen[0], seen[1]), (seen[2], seen[3])):
        changed = {path for path, value in before.items() if after.get(path) != value}
        assert changed
        assert not [path for path in changed | (after.keys() - before.keys()) if "discrim" in path]


@pytest.mark.parametrize("nested", [False, True])
def test_extragradient_moves_by_the_gradient_found_ahead(
    train_plain: Train, follow: Callable[[Trainer], PlainGame], nested: bool
) -> None:
    class Twice(Regularizer):
        """Make every update two times."""

        name = "twice"

        @override
        def around_update(self, update: Update, step: Step) -> None:
            update()
            update()

    trainer = train_plain(Extragradient(), *([Twice()] if nested else []))
    game = follow(trainer)

    def against(real: Tensor, latents: Tensor) -> Tensor:
        return game.d_loss(real, game.g(latents).detach())

    def move(network: nn.Module, loss: Callable[[Tensor], Tensor], noise: list[Tensor]) -> None:
        present = [weight.detach().clone() for weight in network.parameters()]
        game.descend(network, loss(noise.pop(0)))
        ahead = torch.autograd.grad(loss(noise.pop(0)), list(network.parameters()))
        with torch.no_grad():
            for weight, start, slope in zip(network.parameters(), present, ahead, strict=True):
                weight.copy_(start - 0.5 * slope)

    times = 2 if nested else 1
    for step in range(3):
        trainer.one_step()
        noise = game.latents[-4 * times :]
        assert len({latents.sum().item() for latents in noise}) == 4 * times  # all are new
        for _ in range(times):
            move(game.d, partial(against, game.real(step)), noise)
        for _ in range(times):
            move(game.g, lambda z: game.g_loss(game.g(z)), noise)
    assert game.distance() < 1e-12


def test_weight_clipping_keeps_the_named_players_weights_in_the_box(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    trainer = train_plain(WeightClipping(limit=0.1))
    game = follow(trainer)
    for step in range(3):
        trainer.one_step()
        z_d, z_g = game.latents[-2:]
        game.descend(game.d, game.d_loss(game.real(step), game.g(z_d).detach()))
        for weight in game.d.parameters():
            weight.data.clip_(-0.1, 0.1)
        game.descend(game.g, game.g_loss(game.g(z_g)))
    assert game.distance() < 1e-12
    assert parameters_to_vector(game.d.parameters()).detach().abs().max() == 0.1
    assert parameters_to_vector(game.g.parameters()).detach().abs().max() > 0.1
