"""Saved tensors: whether they fit, and putting them back in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch.optim import Optimizer

WAY_OUT = (
    "move this checkpoint out of the way to go on from the one before it, or begin a new run with "
    "training.start_from"
)
AS_BEFORE = (
    "set [architecture] and [image] as they were; where only regularizers are others, begin a new "
    "run with training.start_from, which takes the weights over"
)
"""What to do where a network does not fit."""
TRIAL = (2, 2)
"""Shape of a weight that optimizers are tried out with."""


class StructureError(UsageError):
    """Tensors that were saved do not fit the network that the options make."""


def load_network(network: nn.Module, saved: Mapping[str, Tensor], owner: str) -> None:
    """Copy saved tensors into a network.

    Raises:
        UsageError: When a tensor is missing, unknown, of another shape or of another kind.
    """
    if objection := first_objection(saved, network.state_dict()):
        raise StructureError(f"the saved {owner} has another structure: {objection}", AS_BEFORE)
    network.load_state_dict(saved)


def refuse_other_tensors(saved: Mapping[str, Any], expected: Mapping[str, Any], owner: str) -> None:
    """Compare saved tensors with those whose place they are to take.

    Raises:
        UsageError: When a tensor is missing, unknown, of another shape or of another kind.
    """
    if objection := first_objection(saved, expected):
        raise UsageError(f"the saved {owner} has another structure: {objection}", WAY_OUT)


def load_optimizer(
    optimizer: Optimizer,
    parameters: Sequence[nn.Parameter],
    saved: Sequence[Mapping[str, Any]],
    owner: str,
) -> None:
    """Put back an optimizer's state; its options stay those of the recipe.

    Raises:
        UsageError: When it is of other parameters, or of another optimizer.
    """
    if len(saved) != len(parameters):
        raise UsageError(
            f"the saved {owner} had {len(saved)} trained tensors, this one has {len(parameters)}",
            WAY_OUT,
        )
    state, remembers = optimizer.state, remembered(optimizer)
    before = dict(state)
    state.clear()
    for number, (parameter, values) in enumerate(zip(parameters, saved, strict=True)):
        if values:  # a parameter that never had a gradient has none
            expected = of_shape(remembers, parameter)
            refuse_other_tensors(values, expected, f"optimizer of the {owner} (tensor {number})")
            held = before.get(parameter, {})
            state[parameter] = {
                key: _kept(held.get(key), _beside(value, parameter))
                for key, value in values.items()
            }


def first_objection(saved: Mapping[str, Any], expected: Mapping[str, Any]) -> str | None:
    """Return why saved tensors cannot take the place of others, by the first one that cannot.

    It is missing, unknown, of another shape or of another kind. Floating-point numbers of another
    precision are welcome: they are converted.
    """
    for name in sorted({*saved, *expected}):
        objection: str | None
        if name not in saved:
            objection = f"'{name}' is missing"
        elif name not in expected:
            objection = f"'{name}' is not known"
        else:
            objection = _objection(saved[name], expected[name], f"'{name}'")
        if objection:
            return objection
    return None


def remembered(optimizer: Optimizer) -> dict[str, Tensor]:
    """Return what an optimizer remembers of a weight of the shape `TRIAL`, by trying it out."""
    options = {key: value for key, value in optimizer.param_groups[0].items() if key != "params"}
    first = optimizer.param_groups[0]["params"][0]
    trial = nn.Parameter(torch.zeros(TRIAL, dtype=first.dtype, device=first.device))
    trial.grad = torch.zeros_like(trial)
    kind: Any = type(optimizer)
    other = kind([{"params": [trial], **options}])
    other.step()
    return {key: value for key, value in other.state[trial].items() if value is not None}


def of_shape(remembered: Mapping[str, Tensor], parameter: Tensor) -> dict[str, Tensor]:
    """Return the same for a parameter: what is kept for each weight has its shape."""
    return {key: parameter if value.shape == TRIAL else value for key, value in remembered.items()}


def _objection(saved: object, expected: object, name: str) -> str | None:
    """Return why a saved value cannot take the place of a tensor, if it cannot."""
    if not isinstance(expected, Tensor):
        return None  # a module's own extra state, which only the module can judge
    if not isinstance(saved, Tensor):
        return f"{name} is a {type(saved).__name__}, not a tensor"
    if saved.shape != expected.shape:
        return f"{name} has the size {list(saved.shape)} instead of {list(expected.shape)}"
    if saved.dtype != expected.dtype and not (
        saved.is_floating_point() and expected.is_floating_point()
    ):
        return f"{name} holds {saved.dtype} instead of {expected.dtype}"
    return None


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
