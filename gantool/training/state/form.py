"""The form of a saved state, which may come from another program, and its tensors put back."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, cast

import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    GetPydanticSchema,
    JsonValue,
    NonNegativeInt,
    TypeAdapter,
    ValidationError,
    with_config,
)
from torch import Tensor, nn
from typing_extensions import TypedDict

from gantool.errors import UsageError
from gantool.interfaces.step import Player

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch.optim import Optimizer

    from gantool.interfaces.architecture import Architecture
    from gantool.runs.checkpoints import Checkpoint

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
SINCE = (
    "{place} does not say {said}: where that option is younger than the run, say there what it was "
    "before (gantool describe architecture/{name})"
)


class About(BaseModel):
    """The making of a checkpoint; more may be told than is asked for."""

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, JsonValue]

    classes: list[str]
    fingerprint: str
    images: NonNegativeInt
    recipe: dict[str, JsonValue] = {}
    plugins: dict[str, str] = {}
    computing: dict[str, str | int | float | bool | None] = {}


@with_config(ConfigDict(extra="forbid", strict=True))
class Interval(TypedDict):
    """Figures of the open log interval that are summed together."""

    names: list[str]
    sums: list[float]
    count: NonNegativeInt


@with_config(ConfigDict(extra="forbid", strict=True))
class State(TypedDict):
    """Everything that training changes, as a checkpoint holds it: plain data and tensors.

    What is not known is an error, as it could alter the training. Random numbers need no state of
    their own: they follow from the seed, the attempt and the step.
    """

    step: NonNegativeInt
    attempt: NonNegativeInt
    networks: dict[Player, dict[str, Any]]
    optimizers: dict[Player, list[dict[str, Any]]]
    average: dict[str, Any] | None
    regularizers: dict[str, dict[str, Any]]
    totals: list[Interval]
    followers: NotRequired[list[str]]
    about: Annotated[dict[str, Any], GetPydanticSchema(lambda _, handler: handler(About))]
    observers: NotRequired[dict[str, JsonValue]]


_FORM = TypeAdapter(State)


def training_state(checkpoint: Checkpoint) -> State:
    """Return what a checkpoint holds, if it has the parts of a training's state, each of its kind.

    Raises:
        UsageError: When it cannot be read, or a part is missing, unknown or of another kind.
    """
    state = checkpoint.load()
    try:
        _FORM.validate_python(state)
    except ValidationError as error:
        message = f"checkpoint {checkpoint.path} is not of a training: {first_problem(error)}"
        raise UsageError(message, WAY_OUT) from error
    return cast("State", state)


def first_problem(error: ValidationError, *within: str) -> str:
    """Return the first place in saved data that is not as it should be, and what is wrong."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, (*within, *first['loc'])))}: {first['msg']}"


@contextmanager
def younger_options_named(
    architecture: Architecture, unsaid: Mapping[str, Any], place: str
) -> Iterator[None]:
    """Where saved tensors do not fit a network, name what their run did not know yet.

    What a run leaves holds every option that there was, so `unsaid` ones, here with the values
    that they have now, came later. `place` is the file that holds the others.
    """
    try:
        yield
    except StructureError as error:
        if not unsaid:
            raise
        said = ", ".join(f"{option} = {json.dumps(value)}" for option, value in unsaid.items())
        hint = SINCE.format(place=place, said=said, name=architecture.name)
        raise UsageError(error.message, hint) from error


class StructureError(UsageError):
    """Tensors that were saved do not fit the network that the options make."""


def load_network(network: nn.Module, saved: Mapping[str, Tensor], owner: str) -> None:
    """Copy saved tensors into a network.

    Raises:
        StructureError: When they do not fit, as `first_objection` says.
    """
    if objection := first_objection(saved, network.state_dict()):
        raise StructureError(f"the saved {owner} has another structure: {objection}", AS_BEFORE)
    network.load_state_dict(saved)


def refuse_other_tensors(saved: Mapping[str, Any], expected: Mapping[str, Any], owner: str) -> None:
    """Refuse saved tensors that cannot take the place of others, as `first_objection` says."""
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
