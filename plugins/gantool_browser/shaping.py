"""Operations that move numbers and change none, in terms of the engine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gantool_browser.program import Unsupported, broadcast_strides, strides_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool_browser.program import Program, Shape


def same(program: Program, shape: Shape, *, input: str, **_: Any) -> str:
    """Leave the numbers as they are, in another shape or none."""
    return program.viewed(input, shape)


def permute(program: Program, shape: Sequence[int], *, input: str, dims: Sequence[int]) -> str:
    """Reorder dimensions."""
    before = program.shapes[input]
    if list(dims) == list(range(len(before))):
        return input
    strides = strides_of(before)
    return program.rearranged(input, shape, [strides[dim] for dim in dims])


def transpose(program: Program, shape: Shape, *, input: str, dim0: int, dim1: int) -> str:
    """Swap two dimensions."""
    order = list(range(len(shape)))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return permute(program, shape, input=input, dims=order)


def expand(program: Program, shape: Shape, *, input: str, **_: Any) -> str:
    """Repeat along dimensions of size 1."""
    return program.rearranged(input, shape, broadcast_strides(program.shapes[input], shape))


def cut(
    program: Program,
    shape: Shape,
    *,
    input: str,
    dim: int = 0,
    start: int | None = None,
    step: int = 1,
    **_: Any,
) -> str:
    """Return a slice along one dimension."""
    before = program.shapes[input]
    strides = strides_of(before)
    first = _index(start or 0, before[dim])
    offset = first * strides[dim]
    strides[dim] *= step
    return program.rearranged(input, shape, strides, offset)


def select(program: Program, shape: Shape, *, input: str, dim: int, index: int) -> str:
    """Return what is at one place of a dimension, which goes."""
    before = program.shapes[input]
    strides = strides_of(before)
    offset = _index(index, before[dim]) * strides.pop(dim % len(before))
    return program.rearranged(input, shape, strides, offset)


def split(
    program: Program, shape: Sequence[Shape], *, input: str, dim: int = 0, **_: Any
) -> list[str]:
    """Cut into pieces along one dimension."""
    pieces, start = [], 0
    for piece in shape:
        pieces.append(cut(program, piece, input=input, dim=dim, start=start))
        start += piece[dim]
    return pieces


def concatenate(program: Program, shape: Shape, *, tensors: Sequence[str], dim: int = 0) -> str:
    """Put arrays one behind the other along one dimension."""
    dim %= len(shape)
    lengths = [math.prod(program.shapes[each][dim:]) for each in tensors]
    return program.emit("join", tensors, shape, outer=math.prod(shape[:dim]), lengths=lengths)


def upsample_nearest(program: Program, shape: Shape, *, input: str, **_: Any) -> str:
    """Repeat every pixel, by whole factors."""
    before = program.shapes[input]
    factors = [after // size for after, size in zip(shape, before, strict=True)]
    if [size * factor for size, factor in zip(before, factors, strict=True)] != list(shape):
        raise Unsupported("by a factor that is no whole number")
    channels, height, width = math.prod(before[:2]), *before[2:]
    viewed = [channels, height, factors[2], width, factors[3]]
    made = program.rearranged(input, viewed, [height * width, width, 0, 1, 0])
    return program.viewed(made, shape)


def pixel_shuffle(program: Program, shape: Shape, *, input: str, upscale_factor: int) -> str:
    """Make pixels of channels: [r r C, H, W] to [C, r H, r W]."""
    factor, (_, channels, height, width) = upscale_factor, shape
    before = [channels, factor, factor, height // factor, width // factor]
    strides = strides_of(before)
    order = (0, 3, 1, 4, 2)
    made = program.rearranged(
        input, [before[dim] for dim in order], [strides[dim] for dim in order]
    )
    return program.viewed(made, shape)


def _index(index: int, size: int) -> int:
    """Return an index counted from the end, or beyond it, as torch understands it."""
    return max(0, min(index + size if index < 0 else index, size))
