"""Operations on numbers one by one, on pairs, and over dimensions, in terms of the engine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gantool_browser.program import Unsupported, broadcast_strides
from gantool_browser.shaping import permute

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gantool_browser.program import Program, Shape


def unary(name: str, *options: str) -> Callable[..., str]:
    """Return an operation on each number by itself, with the options that it takes from torch."""

    def operation(program: Program, shape: Shape, *, input: str, **arguments: Any) -> str:
        chosen = {option: arguments.get(option) for option in options}
        if name == "gelu" and arguments.get("approximate") != "tanh":
            raise Unsupported('approximate = "none"')
        return program.emit("map", (input,), shape, function=name, **chosen)

    return operation


def binary(name: str) -> Callable[..., str]:
    """Return an operation on pairs of numbers, by torch's broadcasting."""

    def operation(
        program: Program,
        shape: Shape,
        *,
        input: str | float,
        other: str | float,
        alpha: float = 1,
        **rest: Any,
    ) -> str:
        if rest.get("rounding_mode"):
            raise Unsupported("rounded")
        left, right = (
            each if isinstance(each, str) else program.constant(each) for each in (input, other)
        )
        if alpha != 1:
            right = binary("mul")(program, program.shapes[right], input=right, other=alpha)
        strides = [broadcast_strides(program.shapes[each], shape) for each in (left, right)]
        return program.emit(
            "zip", (left, right), shape, function=name, shape=list(shape), strides=strides
        )

    return operation


def reduction(name: str) -> Callable[..., str]:
    """Return a sum or mean over some dimensions."""

    def operation(
        program: Program,
        shape: Shape,
        *,
        input: str,
        dim: Sequence[int] | int | None = None,
        **_: Any,
    ) -> str:
        before = program.shapes[input]
        dims = range(len(before)) if dim is None else [dim] if isinstance(dim, int) else dim
        gone = sorted(each % len(before) for each in (dims or range(len(before))))
        order = [each for each in range(len(before)) if each not in gone] + gone
        moved = permute(program, [before[each] for each in order], input=input, dims=order)
        length = math.prod(before[each] for each in gone)
        return program.emit("reduce", (moved,), shape, length=length, mean=name == "mean")

    return operation


def vector_norm(
    program: Program, shape: Shape, *, input: str, ord: float = 2, dim: Any = None, **_: Any
) -> str:
    """Return the Euclidean length over some dimensions."""
    if ord != 2:
        raise Unsupported(f"of order {ord}")
    squares = unary("square")(program, program.shapes[input], input=input)
    total = reduction("sum")(program, shape, input=squares, dim=dim)
    return unary("sqrt")(program, shape, input=total)
