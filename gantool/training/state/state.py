"""Everything that training changes, as one state to save and to come back to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from gantool.errors import UsageError
from gantool.training.device.ranks import SynchronizedBatchNorm
from gantool.training.state.form import (
    AS_BEFORE,
    WAY_OUT,
    StructureError,
    first_objection,
    of_shape,
    refuse_other_tensors,
    remembered,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor, nn

    from gantool.training.game import Game
    from gantool.training.players import Competitor


def gather(game: Game, step: int) -> dict[str, Any]:
    """Return the state after `step` completed steps: plain data and tensors.

    Random numbers need no state of their own: they follow from the seed and the step.
    """
    return {
        "step": step,
        "attempt": game.streams.attempt,
        "networks": {c.player: c.network.state_dict() for c in game.competitors.values()},
        "optimizers": {c.player: _optimizer_state(c) for c in game.competitors.values()},
        "average": game.average.network.state_dict() if game.average else None,
        "regularizers": {
            stream: module.state_dict() for stream, module in game.regularization.states().items()
        },
        "totals": game.totals.state(),
        "followers": sorted(game.followers),
    }


def restore(state: Mapping[str, Any], game: Game) -> int:
    """Put a state back, in place, and return its step.

    Raises:
        UsageError: When the state is of other networks, of another recipe, or no state at all.
    """
    try:
        return _restore(state, game)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(f"the saved state is not one of a training: {reason}", WAY_OUT) from error


def _restore(state: Mapping[str, Any], game: Game) -> int:
    game.streams.attempt = int(state["attempt"])
    networks = state["networks"]
    for competitor in game.competitors.values():
        load_network(competitor.network, networks[competitor.player], competitor.player)
    if game.average is not None:
        load_network(game.average.network, state["average"] or networks["generator"], "average")
    for competitor in game.competitors.values():
        _restore_optimizer(competitor, state["optimizers"][competitor.player])
    for stream, module in game.regularization.states().items():
        saved = state["regularizers"].get(stream, {})
        refuse_other_tensors(saved, module.state_dict(), f"regularizer '{stream}'")
        module.load_state_dict(saved)
    game.totals.restore(state["totals"])
    game.followers = set(state.get("followers", ()))
    return int(state["step"])


def load_network(network: nn.Module, saved: Mapping[str, Tensor], owner: str) -> None:
    """Copy saved tensors into a network.

    Raises:
        UsageError: When a tensor is missing, unknown, of another shape or of another kind.
    """
    if objection := first_objection(saved, network.state_dict()):
        raise StructureError(f"the saved {owner} has another structure: {objection}", AS_BEFORE)
    network.load_state_dict(saved)


def shared(game: Game) -> dict[str, Tensor]:
    """Return what must be the same in all processes that train together.

    BatchNorm's statistics are each process's own, unless they are synchronized.
    """
    modules: dict[str, nn.Module] = {
        **{c.player: c.network for c in game.competitors.values()},
        **game.regularization.states(),
        **({"average": game.average.network} if game.average else {}),
    }
    return {
        f"{owner}.{name}": tensor
        for owner, module in modules.items()
        for name, tensor in _shared_of(module)
    }


def _shared_of(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    for name, part in module.named_modules():
        if not isinstance(part, _BatchNorm) or isinstance(part, SynchronizedBatchNorm):
            yield from part.named_buffers(name, recurse=False)


def first_non_finite(state: object, place: str = "") -> str | None:
    """Return the dotted place of the first number or tensor that is not finite, if any is not."""
    if isinstance(state, torch.Tensor):
        return None if _is_finite(state) else place
    if isinstance(state, float):
        return None if math.isfinite(state) else place
    parts: Iterable[tuple[object, object]] = ()
    if isinstance(state, dict):
        parts = state.items()
    elif isinstance(state, list):
        parts = enumerate(state)
    places = (first_non_finite(part, f"{place}.{key}".removeprefix(".")) for key, part in parts)
    return next((found for found in places if found is not None), None)


def _is_finite(tensor: Tensor) -> bool:
    """Whether a tensor is finite: a NaN or infinity would be in its sum, quickly computed."""
    if not tensor.is_floating_point() or bool(tensor.sum().isfinite()):
        return True
    return bool(tensor.isfinite().all())


def _optimizer_state(competitor: Competitor) -> list[dict[str, Any]]:
    """Return the optimizer's state of each parameter, in their order."""
    state = competitor.optimizer.state
    return [dict(state.get(parameter, {})) for parameter in competitor.parameters]


def _restore_optimizer(competitor: Competitor, saved: list[dict[str, Any]]) -> None:
    """Put back the optimizer's state; its options stay those of the recipe."""
    if len(saved) != len(competitor.parameters):
        raise UsageError(
            f"the saved {competitor.player} had {len(saved)} trained tensors, "
            f"this one has {len(competitor.parameters)}",
            WAY_OUT,
        )
    state, remembers = competitor.optimizer.state, remembered(competitor.optimizer)
    before = dict(state)
    state.clear()
    for number, (parameter, values) in enumerate(zip(competitor.parameters, saved, strict=True)):
        if values:  # a parameter that never had a gradient has none
            owner = f"optimizer of the {competitor.player} (tensor {number})"
            refuse_other_tensors(values, of_shape(remembers, parameter), owner)
            held = before.get(parameter, {})
            state[parameter] = {
                key: _kept(held.get(key), _beside(value, parameter))
                for key, value in values.items()
            }


@torch.no_grad()
def _kept(held: Any, value: Any) -> Any:
    """Return the tensor that was there, with a new value: recorded steps work on that one."""
    if isinstance(held, torch.Tensor) and isinstance(value, torch.Tensor):
        return held.copy_(value)
    return value


def _beside(value: Any, parameter: Tensor) -> Any:
    """Give what is averaged for each weight the weight's device, precision and memory order.

    Fused optimizers walk through both in memory and would mix up another order in silence. Step
    counters stay where they were made, or follow the weight to a GPU.
    """
    if not isinstance(value, torch.Tensor):
        return value
    if value.dim() > 0 and value.shape == parameter.shape:
        return torch.empty_like(parameter).copy_(value)
    return value.to(parameter.device) if parameter.is_cuda else value
