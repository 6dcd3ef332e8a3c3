"""What the page can compute: torch's operations in terms of the engine's.

Each function is given the program, the shape of the output, and the operation's own arguments by
the names that torch gives them (`self` is `input`); tensors are names of arrays.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from gantool.exporting.browser.program import broadcast_strides, strides_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gantool.exporting.browser.program import Program, Shape


class Unsupported(Exception):  # noqa: N818  a limit of the page, not a fault
    """An operation that is known, used in a way that is not."""


def convolution(  # noqa: PLR0913  torch's own arguments
    program: Program,
    shape: Shape,
    *,
    input: str,
    weight: str,
    bias: str | None,
    stride: Sequence[int],
    padding: Sequence[int] | str,
    dilation: Sequence[int],
    transposed: bool = False,
    groups: int = 1,
    **_: Any,
) -> str:
    """Two-dimensional convolution, plain or transposed."""
    if len(shape) != 4:
        raise Unsupported(f"in {len(shape) - 2} dimensions")
    kernel = program.shapes[weight][2:]
    if isinstance(padding, str):
        padding = _named_padding(padding, kernel, dilation)
    return program.emit(
        "convolutionTransposed" if transposed else "convolution",
        (input, weight, *([] if bias is None else [bias])),
        shape,
        from_=list(program.shapes[input][1:]),
        to=list(shape[1:]),
        kernel=list(kernel),
        stride=_pair(stride),
        padding=_pair(padding),
        dilation=_pair(dilation),
        groups=groups,
    )


def convolution_transposed(program: Program, shape: Shape, **arguments: Any) -> str:
    """Transposed convolution; its output's padding is in its output's shape."""
    return convolution(program, shape, transposed=True, **arguments)


def linear(program: Program, shape: Shape, *, input: str, weight: str, bias: str | None) -> str:
    """Return x W' + b, over the last dimension."""
    inputs = (input, weight, *([] if bias is None else [bias]))
    return program.emit(
        "linear", inputs, shape, outputs=shape[-1], length=program.shapes[input][-1]
    )


def matrix_product(
    program: Program, shape: Shape, *, mat2: str, input: str = "", mat1: str = "", **extra: Any
) -> str:
    """`mm` and `addmm` by a constant matrix: what `linear` becomes in some versions of torch."""
    if mat2 not in program.constants or extra.get("beta", 1) != 1 or extra.get("alpha", 1) != 1:
        raise Unsupported("of two arrays that both depend on the latent")
    weight = program.constant(program.constants[mat2].T)
    bias = input if mat1 else None
    return linear(program, shape, input=mat1 or input, weight=weight, bias=bias)


def batch_norm(  # noqa: PLR0913  torch's own arguments
    program: Program,
    shape: Shape,
    *,
    input: str,
    weight: str | None,
    bias: str | None,
    running_mean: str | None,
    running_var: str | None,
    eps: float,
    training: bool = False,
    **_: Any,
) -> str:
    """Normalize by running statistics: a scale and a shift for each channel."""
    if training or running_mean is None or running_var is None:
        if shape[0] != 1:
            raise Unsupported("by the statistics of a batch")
        return standardize(program, shape, input, math.prod(shape[2:]), eps, weight, bias)
    mean, variance = (program.constants[name].double() for name in (running_mean, running_var))
    scale = (variance + eps).rsqrt()
    scale = scale if weight is None else scale * program.constants[weight].double()
    shift = -mean * scale + (0 if bias is None else program.constants[bias].double())
    scales, shifts = program.constant(scale), program.constant(shift)
    return program.emit("affine", (input, scales, shifts), shape, inner=math.prod(shape[2:]))


def instance_norm(program: Program, shape: Shape, **arguments: Any) -> str:
    """Normalize each channel by itself, or by running statistics where it keeps them."""
    return batch_norm(program, shape, training=arguments.pop("use_input_stats"), **arguments)


def group_norm(
    program: Program,
    shape: Shape,
    *,
    input: str,
    weight: str | None,
    bias: str | None,
    eps: float,
    num_groups: int = 0,
    group: int = 0,
    **_: Any,
) -> str:
    """Normalize groups of channels."""
    length = math.prod(shape[1:]) // (num_groups or group)
    return standardize(program, shape, input, length, eps, weight, bias)


def layer_norm(
    program: Program,
    shape: Shape,
    *,
    input: str,
    normalized_shape: Sequence[int],
    weight: str | None,
    bias: str | None,
    eps: float,
    **_: Any,
) -> str:
    """Normalize over the last dimensions."""
    made = program.emit("standardize", (input,), shape, length=math.prod(normalized_shape), eps=eps)
    made = made if weight is None else binary("mul")(program, shape, input=made, other=weight)
    return made if bias is None else binary("add")(program, shape, input=made, other=bias)


def standardize(
    program: Program,
    shape: Shape,
    input: str,
    length: int,
    eps: float,
    weight: str | None,
    bias: str | None,
) -> str:
    """Subtract the mean and divide by the deviation of each `length` neighbors, then scale."""
    made = program.emit("standardize", (input,), shape, length=length, eps=eps)
    if weight is None and bias is None:
        return made
    scales = weight or program.constant(torch.ones(shape[1]))
    shifts = bias or program.constant(torch.zeros(shape[1]))
    return program.emit("affine", (made, scales, shifts), shape, inner=math.prod(shape[2:]))


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


def embedding(program: Program, shape: Shape, *, weight: str, indices: str, **_: Any) -> str:
    """Look the label up in a table."""
    return program.emit("row", (weight, indices), shape, length=program.shapes[weight][1])


def _index(index: int, size: int) -> int:
    """Return an index counted from the end, or beyond it, as torch understands it."""
    return max(0, min(index + size if index < 0 else index, size))


def _pair(values: Sequence[int]) -> list[int]:
    return [values[0], values[-1]]


def _named_padding(name: str, kernel: Sequence[int], dilation: Sequence[int]) -> list[int]:
    """Return the padding that torch calls "valid" or "same"."""
    if name == "valid":
        return [0, 0]
    whole = [d * (size - 1) for d, size in zip(_pair(dilation), kernel, strict=True)]
    if any(each % 2 for each in whole):
        raise Unsupported("padded more on one side")
    return [each // 2 for each in whole]


ALIASES: Mapping[str, str] = {
    "_native_batch_norm_legit_no_training": "batch_norm",
    "_native_batch_norm_legit": "batch_norm",
    "_to_copy": "to",
    "_unsafe_view": "view",
    "clamp_max": "clamp",
    "clamp_min": "clamp",
    "native_group_norm": "group_norm",
    "native_layer_norm": "layer_norm",
    "split_with_sizes": "split",
    "chunk": "split",
    "concat": "cat",
    "true_divide": "div",
    "subtract": "sub",
    "multiply": "mul",
    "hardtanh": "clamp",
}
SAME = (
    "alias", "clone", "contiguous", "detach", "dropout", "flatten", "reshape", "squeeze", "to",
    "unflatten", "unsqueeze", "view", "lift_fresh_copy",
)  # fmt: skip
PLAIN = (
    "abs", "cos", "exp", "log", "neg", "reciprocal", "relu", "rsqrt", "sigmoid", "silu", "sin",
    "sqrt", "square", "tanh",
)  # fmt: skip
OPERATIONS: Mapping[str, Any] = {
    **dict.fromkeys(SAME, same),
    **{name: unary(name) for name in PLAIN},
    **{name: binary(name) for name in ("add", "sub", "mul", "div", "maximum", "minimum")},
    "addmm": matrix_product,
    "batch_norm": batch_norm,
    "cat": concatenate,
    "clamp": unary("clamp", "min", "max", "min_val", "max_val"),
    "conv2d": convolution,
    "conv_transpose2d": convolution_transposed,
    "convolution": convolution,
    "elu": unary("elu", "alpha"),
    "embedding": embedding,
    "expand": expand,
    "gelu": unary("gelu"),
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "layer_norm": layer_norm,
    "leaky_relu": unary("leaky_relu", "negative_slope"),
    "linalg_vector_norm": vector_norm,
    "linear": linear,
    "mean": reduction("mean"),
    "mm": matrix_product,
    "permute": permute,
    "pixel_shuffle": pixel_shuffle,
    "pow": unary("pow", "exponent"),
    "select": select,
    "slice": cut,
    "softplus": unary("softplus", "beta"),
    "split": split,
    "sum": reduction("sum"),
    "transpose": transpose,
    "upsample_nearest2d": upsample_nearest,
}
"""By torch's names, those of `ALIASES` aside."""
