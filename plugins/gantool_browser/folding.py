"""Scales and shifts that disappear into the weights before them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from gantool_browser.program import Instruction, Program

OUTPUT_DIMS = {"convolution": 0, "convolutionTransposed": 1, "linear": 0}
"""Which dimension of the weight counts the outputs."""


def fold(program: Program) -> Program:
    """Merge each scale and shift into the convolution whose output nothing else reads.

    s (W x + b) + t = (s W) x + (s b + t), computed in float64.
    """
    readers = Counter(name for each in program.instructions for name in each.inputs)
    made: dict[str, Instruction] = {}
    for instruction in program.instructions:
        before = made.get(instruction.inputs[0])
        if (
            before is not None
            and readers[before.output] == 1
            and _folds(program, before, instruction)
        ):
            del made[before.output]
            instruction = _folded(program, before, instruction)  # noqa: PLW2901
        made[instruction.output] = instruction
    program.instructions = list(made.values())
    return program


def _folds(program: Program, before: Instruction, instruction: Instruction) -> bool:
    if instruction.op != "affine" or before.op not in OUTPUT_DIMS:
        return False
    constant = all(
        name in program.constants for name in (*before.inputs[1:], *instruction.inputs[1:])
    )
    single = before.options.get("groups", 1) == 1 and len(program.shapes[before.output]) != 3
    return constant and single


def _folded(program: Program, before: Instruction, affine: Instruction) -> Instruction:
    scale, shift = (program.constants[name].double() for name in affine.inputs[1:])
    weight, *bias = (program.constants[name].double() for name in before.inputs[1:])
    scaled = weight * _along(scale, OUTPUT_DIMS[before.op], weight.dim())
    shifted = shift + (scale * bias[0] if bias else torch.zeros(()))
    inputs = (before.inputs[0], program.constant(scaled), program.constant(shifted))
    return replace(before, inputs=inputs, output=affine.output)


def _along(values: Tensor, dim: int, dims: int) -> Tensor:
    """Return values [C] in a shape that broadcasts along one of `dims` dimensions."""
    return values.reshape([-1 if each == dim else 1 for each in range(dims)])
