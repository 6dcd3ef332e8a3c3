"""Promises of every regularizer about steps that are shared between processes, or recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gantool.testing.claims import require, require_same
from gantool.testing.promises import promise
from gantool.testing.ranks import in_threads, ranks_in_threads
from gantool.testing.tape import TapeRecorder
from gantool.testing.trial import build_trial, take_steps, weights_of
from gantool.testing.watching import each_player, overridden
from gantool.training.device.graphs import WARM_UP, GraphedTurns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from gantool.interfaces.regularizer import Regularizer
    from gantool.training.trainer import Trainer

TOLERANCE = 1e-9
"""Sums over ranks are rounded in another order; Adam's first steps magnify that."""


def adds_up_over_ranks(component: type[Regularizer]) -> bool:
    """Whether a class declares nothing that depends on processes, as a capability."""
    return component.couples_batch is not True


def adds_up_over_slices(component: type[Regularizer]) -> bool:
    """Whether a class declares nothing that depends on slices, as a capability.

    What `prepare` makes of a network may count the passes through it, as spectral norm does.
    """
    return not component.couples_batch and not overridden(component, ("prepare",))


def is_capturable(component: type[Regularizer]) -> bool:
    """Whether steps with a class may be recorded, as a capability."""
    return component.capturable and not overridden(component, ("around_update",))


@promise("regularizer", when=adds_up_over_ranks)
@each_player
def shares_batches(component: Regularizer) -> None:
    """Unless it `couples_batch`, two gloo ranks with half of each batch train as one process."""
    alone = weights_of(take_steps(_in_double(component), 3))
    apart = [_in_double(component, ranks=ranks) for ranks in ranks_in_threads(2)]
    for trainer in in_threads(take_steps, apart, [3, 3]):
        _require_near(weights_of(trainer), alone, "on two ranks")


@promise("regularizer", when=adds_up_over_slices)
@each_player
def adds_up_in_slices(component: Regularizer) -> None:
    """Unless it `couples_batch` or prepares networks, slices of a batch train as the batch does."""
    whole = weights_of(take_steps(_in_double(component), 3))
    sliced = take_steps(_in_double(component, accumulate=2), 3)
    _require_near(weights_of(sliced), whole, "in slices of two images")


def _in_double(component: Regularizer, **options: Any) -> Trainer:
    return build_trial(component, device={"precision": "float64"}, **options)


def _require_near(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], how: str) -> None:
    """Go on if weights after three steps are the same but for rounding."""
    for name, weight in expected.items():
        gap = float((found[name] - weight).abs().max())
        require(gap < TOLERANCE, f"{how}, after 3 steps, {name} is off by {gap:.3g}")


@promise("regularizer", when=is_capturable)
@each_player
def can_be_recorded(component: Regularizer) -> None:
    """If it is `capturable`, replays of a recorded step train as eager steps do, to the bit."""
    eager, replayed = (build_trial(component, log_every_steps=100) for _ in range(2))
    replayed.turns = graphed = GraphedTurns(replayed.game, TapeRecorder())
    steps = WARM_UP + 3
    expected = weights_of(take_steps(eager, steps))
    found = weights_of(take_steps(replayed, steps))
    require(graphed.is_recording, "a recording does not do what its step does")
    require_same(found, expected, "replayed")
