"""Everything that training changes, as one state to save and to come back to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from gantool.errors import UsageError
from gantool.training.players import each_player

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from gantool.training.game import Game
    from gantool.training.players import Average, Competitor
    from gantool.training.totals import Totals


def gather(game: Game, average: Average | None, totals: Totals, step: int) -> dict[str, Any]:
    """Return the state after `step` completed steps: plain data and tensors.

    Random numbers need no state of their own: they follow from the seed and the step.
    """
    return {
        "step": step,
        "attempt": game.streams.attempt,
        "networks": {c.player: c.network.state_dict() for c in each_player(game.competitors)},
        "optimizers": {c.player: _optimizer_state(c) for c in each_player(game.competitors)},
        "average": average.network.state_dict() if average else None,
        "regularizers": {
            stream: module.state_dict() for stream, module in game.regularization.states().items()
        },
        "totals": totals.state(),
        "followers": sorted(game.followers),
    }


def restore(state: Mapping[str, Any], game: Game, average: Average | None, totals: Totals) -> int:
    """Put a state back, in place, and return its step.

    Raises:
        UsageError: When the state is of other networks, of another recipe, or no state at all.
    """
    try:
        return _restore(state, game, average, totals)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"the saved state is not one of a training: {reason}") from error


def _restore(state: Mapping[str, Any], game: Game, average: Average | None, totals: Totals) -> int:
    game.streams.attempt = int(state["attempt"])
    load_networks(state, game, average)
    for competitor in each_player(game.competitors):
        _restore_optimizer(competitor, state["optimizers"][competitor.player])
    for stream, module in game.regularization.states().items():
        load_weights(module, state["regularizers"].get(stream, {}), f"regularizer '{stream}'")
    totals.restore(state["totals"])
    game.followers = set(state.get("followers", ()))
    return int(state["step"])


def load_networks(state: Mapping[str, Any], game: Game, average: Average | None) -> None:
    """Start from the networks of another run, with fresh optimizers.

    Raises:
        UsageError: When that run's networks have another structure.
    """
    for competitor in each_player(game.competitors):
        load_weights(competitor.network, state["networks"][competitor.player], competitor.player)
    if average is not None:
        load_weights(average.network, state["average"] or state["networks"]["generator"], "average")


def load_weights(module: nn.Module, saved: Mapping[str, Tensor], owner: str) -> None:
    """Copy saved tensors into a module.

    Raises:
        UsageError: When a tensor is missing, unknown or of another shape.
    """
    try:
        module.load_state_dict(saved)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]]
        reason = lines[0] if lines else str(error)
        raise UsageError(f"the saved {owner} has another structure: {reason}") from error


def is_finite(state: object) -> bool:
    """Whether no number and no tensor of a state is NaN or infinity, or holds it."""
    if isinstance(state, torch.Tensor):
        if not state.is_floating_point() or bool(state.sum().isfinite()):
            return True  # a NaN or infinity would be in the sum, which is quickly computed
        return bool(state.isfinite().all())
    if isinstance(state, dict):
        return all(is_finite(value) for value in state.values())
    if isinstance(state, list):
        return all(is_finite(value) for value in state)
    return not isinstance(state, float) or math.isfinite(state)


def _optimizer_state(competitor: Competitor) -> list[dict[str, Any]]:
    """Return the optimizer's state of each parameter, in their order."""
    state = competitor.optimizer.state
    return [dict(state.get(parameter, {})) for parameter in competitor.parameters]


def _restore_optimizer(competitor: Competitor, saved: list[dict[str, Any]]) -> None:
    """Put back the optimizer's state; its options stay those of the recipe."""
    if len(saved) != len(competitor.parameters):
        raise UsageError(
            f"the saved {competitor.player} had {len(saved)} trained tensors, "
            f"this one has {len(competitor.parameters)}"
        )
    state = competitor.optimizer.state
    state.clear()
    for parameter, values in zip(competitor.parameters, saved, strict=True):
        if values:
            state[parameter] = {key: _beside(value, parameter) for key, value in values.items()}


def _beside(value: Any, parameter: Tensor) -> Any:
    """Give what is averaged for each weight the weight's device and memory order.

    Fused optimizers walk through both in memory and would mix up another order in silence. Step
    counters stay where they were made, or follow the weight to a GPU.
    """
    if not isinstance(value, torch.Tensor):
        return value
    if value.dim() > 0 and value.shape == parameter.shape:
        return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
    return value.to(parameter.device) if parameter.is_cuda else value
