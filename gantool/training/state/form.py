"""The form of a saved state, which may come from another program, or from a stranger."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, cast

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
from typing_extensions import TypedDict

from gantool.errors import UsageError
from gantool.interfaces.step import Player
from gantool.training.state.tensors import WAY_OUT, StructureError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.interfaces.architecture import Architecture
    from gantool.runs.checkpoints import Checkpoint

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
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"checkpoint {checkpoint.path} is not of a training: {place}: {first['msg']}", WAY_OUT
        ) from error
    return cast("State", state)


@contextmanager
def younger_options_named(
    architecture: Architecture, unsaid: Mapping[str, Any], place: str
) -> Iterator[None]:
    """Where saved tensors do not fit a network, name what their run did not know yet.

    What a run leaves holds every option that there was, so one that it does not hold came later.

    Args:
        architecture: Makes the network.
        unsaid: Options that the run does not hold, with the values that they have now.
        place: The file that holds the others.

    Raises:
        UsageError: When they do not fit.
    """
    try:
        yield
    except StructureError as error:
        if not unsaid:
            raise
        said = ", ".join(f"{option} = {json.dumps(value)}" for option, value in unsaid.items())
        hint = SINCE.format(place=place, said=said, name=architecture.name)
        raise UsageError(error.message, hint) from error
