"""Layers with weights, and normalizations, in terms of the engine.

Each function is given the program, the shape of the output, and the operation's own arguments by
the names that torch gives them (`self` is `input`); tensors are names of arrays.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from gantool_browser.pointwise import binary
from gantool_browser.program import Unsupported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool_browser.program import Program, Shape


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


def matmul(program: Program, shape: Shape, *, input: str, other: str) -> str:
    """Return the product by a constant matrix, over the last dimension."""
    if len(program.shapes[other]) != 2:
        raise Unsupported("of more than one matrix")
    return matrix_product(program, shape, input=input, mat2=other)


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


def embedding(program: Program, shape: Shape, *, weight: str, indices: str, **_: Any) -> str:
    """Look the label up in a table."""
    return program.emit("row", (weight, indices), shape, length=program.shapes[weight][1])


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
