"""What every regularizer promises of steps that are shared between processes, or recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.testing.claims import require, require_same
from gantool.testing.promises import promise
from gantool.testing.ranks import in_threads, ranks_in_threads
from gantool.testing.tape import TapeRecorder
from gantool.testing.trial import build_trial, take_steps, weights_of
from gantool.testing.watching import each_player, overridden
from gantool.training.graphs import WARM_UP, GraphedTurns
from gantool.training.turns import Turns

if TYPE_CHECKING:
    from gantool.interfaces.regularizer import Regularizer
    from gantool.training.parallel import Ranks
    from gantool.training.trainer import Trainer

TOLERANCE = 1e-9
"""Sums over ranks are rounded in another order; Adam's first steps magnify that."""


def adds_up(component: type[Regularizer]) -> bool:
    """Whether a class declares nothing that depends on how a batch is divided, as a capability."""
    return not component.couples_batch


def is_capturable(component: type[Regularizer]) -> bool:
    """Whether steps with a class may be recorded, as a capability."""
    return component.capturable and not overridden(component, ("around_update",))


@promise("regularizer", when=adds_up)
@each_player
def shares_batches(component: Regularizer) -> None:
    """Unless it `couples_batch`, two gloo ranks with half of each batch train as one process."""

    def build(ranks: Ranks | None = None) -> Trainer:
        return build_trial(component, device={"precision": "float64"}, ranks=ranks)

    alone = weights_of(take_steps(build(), 3))
    apart = [build(ranks) for ranks in ranks_in_threads(2)]
    for trainer in in_threads(take_steps, apart, [3, 3]):
        found = weights_of(trainer)
        for name, weight in alone.items():
            gap = float((found[name] - weight).abs().max())
            require(gap < TOLERANCE, f"on two ranks, after 3 steps, {name} is off by {gap:.3g}")


@promise("regularizer", when=is_capturable)
@each_player
def can_be_recorded(component: Regularizer) -> None:
    """If it is `capturable`, replays of a recorded step train as eager steps do, to the bit."""
    eager, replayed = (build_trial(component, log_every_steps=100) for _ in range(2))
    turns = replayed.turns
    require(isinstance(turns, Turns), "its steps are not the engine's")
    replayed.turns = graphed = GraphedTurns(turns, TapeRecorder())  # type: ignore[arg-type]
    steps = WARM_UP + 3
    expected = weights_of(take_steps(eager, steps))
    found = weights_of(take_steps(replayed, steps))
    require(graphed.is_recording, "a recording does not do what its step does")
    require_same(found, expected, "replayed")
