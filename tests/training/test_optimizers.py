"""Optimizers, learning rates and clipped gradients, each against its formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from gantool import Player, Scheduled
from gantool.interfaces.step import PLAYERS
from gantool.registry.catalog import installed
from gantool_optimizers.plugin import Adam

if TYPE_CHECKING:
    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train

pytestmark = pytest.mark.quick

Rule = Callable[[Tensor, Tensor, dict[str, Tensor], int], Tensor]
RATE = 0.05


def adam(weight: Tensor, slope: Tensor, memory: dict[str, Tensor], time: int) -> Tensor:
    memory["m"] = 0.5 * memory.get("m", 0 * slope) + 0.5 * slope
    memory["v"] = 0.9 * memory.get("v", 0 * slope) + 0.1 * slope**2
    m, v = memory["m"] / (1 - 0.5**time), memory["v"] / (1 - 0.9**time)
    return weight - RATE * m / (v.sqrt() + 1e-6)


def adamw(weight: Tensor, slope: Tensor, memory: dict[str, Tensor], time: int) -> Tensor:
    return adam(weight - RATE * 0.2 * weight, slope, memory, time)


def rmsprop(weight: Tensor, slope: Tensor, memory: dict[str, Tensor], time: int) -> Tensor:
    memory["v"] = 0.8 * memory.get("v", 0 * slope) + 0.2 * slope**2
    memory["b"] = 0.3 * memory.get("b", 0 * slope) + slope / (memory["v"].sqrt() + 1e-6)
    return weight - RATE * memory["b"]


def sgd(momentum: float) -> Rule:
    def step(weight: Tensor, slope: Tensor, memory: dict[str, Tensor], time: int) -> Tensor:
        memory["b"] = momentum * memory.get("b", 0 * slope) + slope
        return weight - RATE * memory["b"]

    return step


RULES: dict[str, tuple[dict[str, Any], Rule]] = {
    "adam": ({"betas": [0.5, 0.9], "eps": 1e-6}, adam),
    "adamw": ({"betas": [0.5, 0.9], "eps": 1e-6, "weight_decay": 0.2}, adamw),
    "rmsprop": ({"alpha": 0.8, "eps": 1e-6, "momentum": 0.3}, rmsprop),
    "sgd": ({"momentum": 0.6}, sgd(0.6)),
    "sgd, negative momentum": ({"use": "sgd", "momentum": -0.4}, sgd(-0.4)),
}


def descend(
    network: nn.Module, loss: Tensor, rule: Rule, memories: dict[nn.Parameter, Any], time: int
) -> None:
    weights = list(network.parameters())
    slopes = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for weight, slope in zip(weights, slopes, strict=True):
            weight.copy_(rule(weight, slope, memories.setdefault(weight, {}), time))


def test_every_optimizer_has_a_rule_here() -> None:
    assert {options.get("use", name) for name, (options, _) in RULES.items()} == set(
        installed().names("optimizer")
    )


@pytest.mark.parametrize("name", RULES)
def test_an_optimizer_follows_its_formula(
    train_plain: Train, follow: Callable[[Trainer], PlainGame], name: str
) -> None:
    options, rule = RULES[name]
    trainer = train_plain(optimizer={"use": name, "learning_rate": RATE, **options})
    game = follow(trainer)
    memories: dict[nn.Parameter, Any] = {}
    for step in range(4):
        trainer.one_step()
        z_d, z_g = game.latents[-2:]
        d_loss = game.d_loss(game.real(step), game.g(z_d).detach())
        descend(game.d, d_loss, rule, memories, step + 1)
        descend(game.g, game.g_loss(game.g(z_g)), rule, memories, step + 1)
    assert game.distance() < 1e-12


def test_players_have_optimizers_of_their_own(train_plain: Train) -> None:
    trainer = train_plain(
        optimizer={"use": "sgd", "learning_rate": 0.1},
        discriminator_optimizer={"use": "adam", "learning_rate": 0.2},
    )
    d, g = (trainer.game.competitors[player] for player in PLAYERS)
    assert isinstance(g.optimizer, torch.optim.SGD)
    assert isinstance(d.optimizer, torch.optim.Adam)
    assert (float(g.learning_rate), float(d.learning_rate)) == (0.1, 0.2)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [4.0, 4.0, 4.0, 4.0]),
        ("linear", [4.0, 3.25, 2.5, 1.0]),
        ("cosine", [4.0, 2.5 + 1.5 * math.sqrt(0.5), 2.5, 1.0]),
    ],
)
def test_learning_rates_move_from_start_to_end(schedule: Any, rates: list[float]) -> None:
    table = Adam(learning_rate=Scheduled(4.0), schedule=schedule, final_learning_rate=1.0)
    found = [table.rate.value(progress) for progress in (0, 0.25, 0.5, 1)]
    assert found == pytest.approx(rates)


def test_each_update_uses_the_rate_of_its_step(
    train_plain: Train, follow: Callable[[Trainer], PlainGame]
) -> None:
    table: dict[str, Any] = {"use": "sgd", "learning_rate": 0.4, "schedule": "linear"}
    falling = {"use": "sgd", "learning_rate": 0.8, "schedule": "cosine", "final_learning_rate": 0.2}
    trainer = train_plain(optimizer=table, discriminator_optimizer=falling, training={"steps": 4})
    game = follow(trainer)
    for step in range(4):
        trainer.one_step()
        z_d, z_g = game.latents[-2:]
        d_rate = 0.2 + 0.6 * (1 + math.cos(math.pi * step / 4)) / 2
        game.descend(game.d, game.d_loss(game.real(step), game.g(z_d).detach()), d_rate)
        game.descend(game.g, game.g_loss(game.g(z_g)), 0.4 * (1 - step / 4))
    assert game.distance() < 1e-12


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_large_gradient_is_scaled_down_to_the_limit(train_plain: Train, player: Player) -> None:
    def norms(limit: float | None) -> tuple[float, float]:
        """Return the norm as recorded and as the optimizer sees it."""
        table: dict[str, Any] = {"use": "sgd", "learning_rate": 1.0}
        if limit is not None:
            table["clip_gradient_norm"] = limit
        trainer = train_plain(optimizer=table, training={"log_every_steps": 1})
        competitor = trainer.game.competitors[player]
        seen: list[Tensor] = []
        competitor.optimizer.register_step_pre_hook(
            lambda *_: seen.extend(p.grad for p in competitor.parameters if p.grad is not None)
        )
        trainer.one_step()
        norm = torch.cat([slope.flatten() for slope in seen]).norm()
        return trainer.game.totals.means()[f"{player}_gradient_norm"], float(norm)

    recorded, free = norms(None)
    assert recorded == pytest.approx(free, rel=1e-12)
    before, clipped = norms(free / 3)
    assert clipped == pytest.approx(free / 3, rel=1e-4)
    if player == "discriminator":  # the generator meets a discriminator that moved less
        assert before == pytest.approx(free, rel=1e-12)
        assert norms(free * 1.01) == pytest.approx((free, free), rel=1e-12)


def test_clipping_keeps_the_gradients_direction(train_plain: Train) -> None:
    def change(limit: float | None) -> Tensor:
        table = {"use": "sgd", "learning_rate": 1.0, "clip_gradient_norm": limit}
        trainer = train_plain(discriminator_optimizer=table)
        weights = trainer.game.competitors["discriminator"].parameters
        before = torch.cat([weight.detach().clone().flatten() for weight in weights])
        trainer.one_step()
        return torch.cat([weight.detach().flatten() for weight in weights]) - before

    free, clipped = change(None), change(1e-3)
    assert float(clipped.norm()) == pytest.approx(1e-3, rel=1e-2)
    torch.testing.assert_close(clipped / clipped.norm(), free / free.norm(), rtol=0, atol=1e-9)
