"""A saved state is held against what it is to replace, before anything is replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from gantool.errors import UsageError
from gantool.runs.checkpoints import Checkpoints
from gantool.training.health.watcher import HealthObserver
from gantool.training.state.form import WAY_OUT, of_shape, remembered, training_state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gantool.training.state.form import State
    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

pytestmark = pytest.mark.quick

OPTIMIZERS: tuple[dict[str, Any], ...] = (
    {"use": "adam"},
    {"use": "adamw"},
    {"use": "rmsprop"},
    {"use": "rmsprop", "momentum": 0.5},
    {"use": "sgd"},
    {"use": "sgd", "momentum": 0.5},
    {"use": "sgd", "momentum": -0.3},
)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_what_an_optimizer_remembers_is_known_before_its_first_step(
    train: Train, optimizer: dict[str, Any]
) -> None:
    trainer = train(optimizer=optimizer)
    known = {c.player: remembered(c.optimizer) for c in trainer.game.competitors.values()}
    trainer.one_step()
    for competitor in trainer.game.competitors.values():
        for parameter in competitor.parameters:
            expected = of_shape(known[competitor.player], parameter)
            found = competitor.optimizer.state.get(parameter, {})
            kinds = {key: (value.shape, value.dtype) for key, value in found.items()}
            assert kinds == {key: (value.shape, value.dtype) for key, value in expected.items()}


def test_trying_an_optimizer_out_changes_nothing(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]]
) -> None:
    trainer = train()
    trainer.one_step()
    before = bits(trainer)
    for competitor in trainer.game.competitors.values():
        remembered(competitor.optimizer)
    assert bits(trainer) == before


def spoiled(state: State, change: Callable[[dict[str, Any]], object]) -> State:
    """Change what an optimizer remembers of its first weight."""
    change(state["optimizers"]["generator"][0])
    return state


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "missing": (lambda kept: kept.pop("exp_avg"), r"'exp_avg' is missing"),
    "added": (lambda kept: kept.update(more=torch.ones(1)), r"'more' is not known"),
    "size": (
        lambda kept: kept.update(exp_avg=torch.ones(3)),
        r"'exp_avg' has the size \[3\] instead of \[10, 16, 4, 4\]",
    ),
    "number": (lambda kept: kept.update(step=1.0), r"'step' is a float, not a tensor"),
    "whole numbers": (
        lambda kept: kept.update(step=torch.tensor(1)),
        r"'step' holds torch.int64 instead of torch.float32",
    ),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES.keys())
def test_an_optimizer_that_cannot_go_on_is_named_with_the_way_out(
    train: Train, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    trainer = train()
    trainer.one_step()
    state = spoiled(trainer.state(), change)
    with pytest.raises(UsageError, match=message) as caught:
        train().load(state)
    assert "optimizer of the generator (tensor 0)" in caught.value.message
    assert caught.value.hint == WAY_OUT


def test_a_checkpoint_of_something_else_is_named_with_the_way_out(
    train: Train, tmp_path: Path
) -> None:
    trainer = train()
    checkpoints = Checkpoints(tmp_path, "mine")
    whole = trainer.state()
    assert training_state(checkpoints.save(1, whole))["step"] == 0
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"attempt": -1}, "attempt: "),
        ({"networks": {"critic": {}}}, r"networks\.critic\.\[key\]: "),
        ({"observers": {"health": torch.ones(2)}}, r"observers\.health: "),
        ({"more": 1}, "more: "),
    )
    for number, (change, place) in enumerate(changes):
        saved = checkpoints.save(2 + number, {**whole, **change})
        with pytest.raises(UsageError, match=f"is not of a training: {place}") as caught:
            training_state(saved)
        assert str(saved.path) in caught.value.message
        assert caught.value.hint == WAY_OUT


@pytest.mark.parametrize(
    ("memory", "place"),
    [
        ({"window": {"steps": [1], "figures": []}}, "health.window: .*1 steps with 0 records"),
        ({"window": {"steps": "x"}}, "health.window.steps: "),
        ({"looked": "often"}, "health.looked: "),
        (5, "health: "),
    ],
)
def test_a_memory_of_the_watcher_that_is_something_else_is_named(memory: Any, place: str) -> None:
    with pytest.raises(UsageError, match=f"something else: {place}") as caught:
        HealthObserver(None).restored(3, {"health": memory})
    assert caught.value.hint == "go on without it: --set health.policy=off"


def test_a_state_of_another_precision_is_converted(train: Train) -> None:
    """As when a run from a GPU goes on in float64; Adam would refuse averages of another type."""
    single = train()
    single.one_step()
    double = train(device={"precision": "float64"})
    double.load(single.state())
    double.one_step()
    for competitor in double.game.competitors.values():
        for parameter in competitor.parameters:
            assert competitor.optimizer.state[parameter]["exp_avg"].dtype == torch.float64
