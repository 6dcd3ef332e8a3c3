"""L2 weight decay against its closed form."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import ValidationError

from gantool import Player
from gantool.interfaces.step import PLAYERS
from gantool_weight_decay.plugin import L2

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.training.trainer import Trainer


@pytest.mark.parametrize("decayed", PLAYERS)
def test_one_step_of_sgd_takes_off_rate_times_decay_of_each_weight(
    build: Callable[..., Trainer], decayed: Player
) -> None:
    options: dict[str, Any] = {"optimizer": {"use": "sgd", "learning_rate": 0.1}}
    trainer, without = build(L2(weight_decay=0.3, player=decayed), **options), build(**options)
    first = {p: copy.deepcopy(trainer.game.network(p).state_dict()) for p in PLAYERS}
    trainer.one_step()
    without.one_step()
    for player in ("discriminator", "generator"):
        plain = without.game.network(player).state_dict()
        for name, weight in trainer.game.network(player).state_dict().items():
            if player == decayed:
                # w - rate (gradient + decay w): the same gradient, and decay times rate less
                expected = plain[name] - 0.1 * 0.3 * first[player][name]
                torch.testing.assert_close(weight, expected, rtol=0, atol=1e-15)
                assert not torch.equal(weight, plain[name])
            elif decayed == "generator":  # the discriminator moved before the generator did
                assert torch.equal(weight, plain[name])


def test_it_is_the_gradient_of_half_the_decay_times_the_squared_weights(
    build: Callable[..., Trainer],
) -> None:
    trainer = build(L2(weight_decay=0.3), optimizer={"use": "adam", "learning_rate": 0.1})
    bare = build(optimizer={"use": "adam", "learning_rate": 0.1})
    competitor = bare.game.competitors["discriminator"]

    def add_slope(*_: object) -> None:
        squares = torch.stack([weight.square().sum() for weight in competitor.parameters]).sum()
        slopes = torch.autograd.grad(0.3 / 2 * squares, competitor.parameters)
        for weight, slope in zip(competitor.parameters, slopes, strict=True):
            assert weight.grad is not None
            weight.grad += slope

    competitor.optimizer.register_step_pre_hook(add_slope)
    for _ in range(4):
        trainer.one_step()
        bare.one_step()
    for player in PLAYERS:
        found, expected = (dict(t.game.network(player).state_dict()) for t in (trainer, bare))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_only_what_the_player_trains_is_decayed(build: Callable[..., Trainer]) -> None:
    competitors = build(L2(weight_decay=0.3)).game.competitors
    assert competitors["discriminator"].optimizer.param_groups[0]["weight_decay"] == 0.3
    assert competitors["generator"].optimizer.param_groups[0]["weight_decay"] == 0


@pytest.mark.parametrize("decay", [-0.1, math.nan, math.inf, "0.1", True])
def test_decays_that_make_no_sense_are_refused(decay: Any) -> None:
    with pytest.raises(ValidationError):
        L2.model_validate({"weight_decay": decay})
