"""A recorded step is tried beside the step itself before it is trusted."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING

import torch
from torch.nn.utils import get_total_norm

from gantool.training import state
from gantool.training.players import each_player

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from gantool.training.turns import Turns

TOLERANCE = 0.1
"""Share of a step by which its recording may differ: a GPU adds in any order, in bf16 arithmetic,
and Adam magnifies that. A recording that misses the draws or the images differs by more than 1."""


def rehearse(turns: Turns, replayed: Callable[[], None], eager: Callable[[], None]) -> bool | None:
    """Return whether a recording changes the weights as the step itself does; make that step.

    None if the step leads to weights that are not finite, which compare with nothing.

    Args:
        turns: Whose networks, averages and totals are put back in between.
        replayed: Makes the step by its recording.
        eager: Makes the same step; what it leaves is what remains.
    """
    before = copy.deepcopy(state.gather(turns.game, turns.average, turns.totals, step=0))
    start = _weights(turns)
    replayed()
    by_recording = _weights(turns)
    state.restore(before, turns.game, turns.average, turns.totals)
    eager()
    by_itself = _weights(turns)
    moved = {player: _distance(start[player], by_itself[player]) for player in start}
    if not all(map(math.isfinite, moved.values())):
        return None
    return all(
        _distance(by_recording[player], by_itself[player]) <= TOLERANCE * moved[player]
        for player in start
    )


def _weights(turns: Turns) -> dict[str, list[Tensor]]:
    """Return copies of what each player's optimizer trains."""
    return {
        each.player: [parameter.detach().clone() for parameter in each.parameters]
        for each in each_player(turns.game.competitors)
    }


@torch.no_grad()
def _distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    differences = torch._foreach_sub(list(one), list(other))
    return float(get_total_norm(differences, foreach=True))
