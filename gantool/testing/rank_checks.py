"""What every regularizer promises of steps that are shared between processes, or recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.testing.claims import require
from gantool.testing.promises import promise
from gantool.testing.ranks import in_threads, ranks_in_threads
from gantool.testing.trial import build_trial, take_steps, weights_of
from gantool.testing.watching import each_player

if TYPE_CHECKING:
    from gantool.interfaces.regularizer import Regularizer
    from gantool.training.parallel import Ranks
    from gantool.training.trainer import Trainer

TOLERANCE = 1e-9
"""Sums over ranks are rounded in another order; Adam's first steps magnify that."""


@promise("regularizer")
@each_player
def shares_batches(component: Regularizer) -> None:
    """Two ranks with half of each batch, through gloo, train as one process does, in float64."""

    def build(ranks: Ranks | None = None) -> Trainer:
        return build_trial(component, device={"precision": "float64"}, ranks=ranks)

    alone = weights_of(take_steps(build(), 3))
    apart = [build(ranks) for ranks in ranks_in_threads(2)]
    for trainer in in_threads(take_steps, apart, [3, 3]):
        found = weights_of(trainer)
        for name, weight in alone.items():
            gap = float((found[name] - weight).abs().max())
            require(gap < TOLERANCE, f"on two ranks, after 3 steps, {name} is off by {gap:.3g}")
