"""Numbers that a recipe may let change while a run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import cos, pi
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, get_args

from pydantic_core import SchemaSerializer, core_schema

if TYPE_CHECKING:
    from pydantic import BaseModel, GetCoreSchemaHandler
    from pydantic_core import CoreSchema
    from torch import Tensor

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
