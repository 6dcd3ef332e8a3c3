"""Optimizers, and the numbers of a recipe that may change while a run goes on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from math import cos, pi
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar, get_args

from pydantic import NonNegativeFloat, PositiveFloat, model_validator
from pydantic_core import SchemaSerializer, core_schema

from gantool.interfaces.component import Component

if TYPE_CHECKING:
    import torch
    from pydantic import BaseModel, GetCoreSchemaHandler
    from pydantic_core import CoreSchema
    from torch import Tensor
    from torch.optim.optimizer import ParamsT

    from gantool.interfaces.step import Step

Number = TypeVar("Number")
Value = TypeVar("Value", float, "Tensor")


class Scheduled(Generic[Number]):
    """A number, or how it moves while a run goes on: `{ start = 2.0, end = 0.2, until = 0.5 }`.

    The type of an option: `gamma: Scheduled[NonNegativeFloat] = Scheduled(10.0)`. What stands in
    the brackets is what a number, a start and an end may be.

    Args:
        start: At the first step.
        end: From the share `until` of the run on; by default `start`, a constant.
        shape: In a straight line, or half a cosine (Loshchilov & Hutter 2017, eq. 5).
        until: Share of the run after which it stays at `end`.
    """

    __slots__ = ("_said",)

    def __init__(
        self,
        start: float,
        end: float | None = None,
        shape: Literal["linear", "cosine"] = "linear",
        until: float = 1.0,
    ) -> None:
        self._said = (start, start if end is None else end, shape, until)

    @property
    def start(self) -> float:
        """The number at the first step; at all of them where it does not change."""
        return self._said[0]

    @property
    def changes(self) -> bool:
        """Whether it is another number at the end than at the start."""
        start, end, *_ = self._said
        return start != end

    def at(self, step: Step) -> Tensor:
        """Return the number in a step, 0-dim on its device and of the weights' type.

        It is read from `step.progress`, so that a recorded step follows it.
        """
        if not self.changes:
            return step.constant(self.start)
        *_, until = self._said
        share = step.progress if until == 1 else (step.progress / until).clamp(max=1)
        return self._along(share, lambda angle: angle.cos())

    def value(self, progress: float) -> float:
        """Return the number after a share of the run, in [0, 1]."""
        *_, until = self._said
        return self._along(min(progress / until, 1), cos) if self.changes else self.start

    def _along(self, share: Value, cosine: Callable[[Value], Value]) -> Value:
        start, end, shape, _ = self._said
        if shape == "linear":
            return start + (end - start) * share
        return end + (start - end) * (1 + cosine(pi * share)) / 2

    def __bool__(self) -> bool:
        """Whether it is ever anything but 0."""
        return any(self._said[:2])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scheduled) and self._said == other._said

    def __hash__(self) -> int:
        return hash(self._said)

    def __repr__(self) -> str:
        return f"Scheduled{self._said if self.changes else f'({self.start})'}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        (number,) = get_args(source) or (float,)
        one = handler.generate_schema(number)
        share = core_schema.float_schema(gt=0, le=1)
        shape = core_schema.literal_schema(["linear", "cosine"])
        field = core_schema.typed_dict_field
        table = core_schema.typed_dict_schema(
            {
                "start": field(one),
                "end": field(one),
                "shape": field(shape, required=False),
                "until": field(share, required=False),
            },
            extra_behavior="forbid",
            config={"strict": True, "allow_inf_nan": False},  # a component's do not reach in here
        )
        made = core_schema.no_info_after_validator_function
        said: dict[Any, CoreSchema] = {
            "number": made(cls, one),
            "table": made(cls._from_table, table),
        }
        return core_schema.json_or_python_schema(
            core_schema.tagged_union_schema(said, _form),
            core_schema.tagged_union_schema(
                {**said, "made": core_schema.is_instance_schema(cls)}, _form
            ),
            serialization=_PLAINLY,
        )

    @classmethod
    def _from_table(cls, table: dict[str, Any]) -> Self:
        return cls(**table)

    def _plain(self) -> Any:
        if not self.changes:
            return self.start
        start, end, shape, until = self._said
        return {"start": start, "end": end, "shape": shape, "until": until}


_PLAINLY = core_schema.plain_serializer_function_ser_schema(Scheduled._plain)
Scheduled.__pydantic_serializer__ = SchemaSerializer(  # type: ignore[attr-defined]
    core_schema.any_schema(serialization=_PLAINLY)
)
"""Lets defaults that hold one be shown."""


def _form(value: object) -> str:
    if isinstance(value, Scheduled):
        return "made"
    return "table" if isinstance(value, dict) else "number"


def schedules_in(options: BaseModel) -> Iterator[Scheduled[Any]]:
    """Yield the numbers that change among a component's options, or a table's."""
    for name in type(options).model_fields:
        value = getattr(options, name)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Scheduled) and each.changes:
                yield each


class Optimizer(Component):
    """How one player's weights follow its gradients.

    The engine moves the learning rate, clips gradients, and saves and restores what the optimizer
    remembers of each weight: tensors of the weight's shape, or numbers in 0-dim ones. To know it
    beforehand it makes another one, by class, of a group that holds all options, as torch's allow.
    """

    kind: ClassVar[str] = "optimizer"

    learning_rate: Scheduled[NonNegativeFloat] = Scheduled(1e-3)
    """Step size."""
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    """How a learning rate that is a number moves to `final_learning_rate` over the run."""
    final_learning_rate: NonNegativeFloat = 0.0
    """Where "linear" and "cosine" end."""
    clip_gradient_norm: PositiveFloat | None = None
    """Largest norm of a player's whole gradient; a larger one is scaled down to it."""

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.learning_rate.changes and self.schedule != "constant":
            msg = f"learning_rate has a schedule of its own: leave out schedule = {self.schedule!r}"
            raise ValueError(msg)
        return self

    @property
    def rate(self) -> Scheduled[float]:
        """The learning rate, with the `schedule` that it may be given."""
        if self.schedule == "constant":
            return self.learning_rate
        return Scheduled(self.learning_rate.start, self.final_learning_rate, self.schedule)

    def follow(self, optimizer: torch.optim.Optimizer, progress: float) -> None:
        """Write scheduled options, other than the learning rate, into an optimizer's tensors.

        Called before each step of the run where an option is scheduled, outside of what is
        recorded: numbers that changed are read in the steps from 0-dim tensors alone.

        Args:
            optimizer: As `build` returned it.
            progress: Share of the run that is completed, in [0, 1).
        """

    @abstractmethod
    def build(self, parameters: ParamsT, learning_rate: Tensor) -> torch.optim.Optimizer:
        """Return an optimizer of some parameters, with these options.

        On CUDA its steps must be able to be recorded: `capturable = learning_rate.is_cuda` where
        torch's optimizer has that option, and `fused` where it has that.

        Args:
            parameters: As torch's optimizers take them: parameters, or groups of them with options
                that regularizers set, such as `weight_decay`.
            learning_rate: 0-dim, on the parameters' device. To be kept as the groups' `lr` and read
                in every step: the engine changes it in place.
        """
