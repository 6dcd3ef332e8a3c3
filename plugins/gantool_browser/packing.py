"""A program as JSON, and its constants as one block of bytes."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Literal

import torch

from gantool import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gantool import Trained
    from gantool_browser.program import Program

Precision = Literal["float32", "float16"]

LARGEST_FLOAT32 = 32 << 20
"""Bytes of weights above which they are stored as float16."""
LARGEST = 256 << 20
"""Bytes of weights that a page holds at most; browsers refuse longer texts."""
LARGEST_DIFFERENCE = 2
"""Of 255: how far float16 weights may move a pixel."""


def choose_precision(trained: Trained, program: Program) -> Precision:
    """Return float32, or float16 where the weights are large and the pictures stay the same.

    Raises:
        UsageError: When the weights are too many for a page, or float16 changes the pictures.
    """
    numbers = sum(tensor.numel() for tensor in program.used_constants().values())
    if 4 * numbers <= LARGEST_FLOAT32:
        return "float32"
    if 2 * numbers > LARGEST:
        raise UsageError(
            f"{numbers:,} weights are too many for a page", "export it as onnx or safetensors"
        )
    difference = _pixel_difference(trained)
    if difference > LARGEST_DIFFERENCE:
        raise UsageError(
            f"{numbers:,} weights need float16 in a page, which changes pixels by up to "
            f"{difference} of 255",
            "export it as onnx or safetensors",
        )
    return "float16"


def as_data(program: Program, precision: Precision) -> dict[str, Any]:
    """Return a program as plain data for the engine, constants by their place in the block."""
    places, start = [], 0
    for name, tensor in program.used_constants().items():
        places.append([name, start, tensor.numel()])
        start += tensor.numel()
    return {
        "precision": precision,
        "inputs": program.inputs,
        "output": program.output,
        "constants": places,
        "instructions": [instruction.as_data() for instruction in program.instructions],
    }


def block(program: Program, precision: Precision) -> str:
    """Return the constants one behind the other, little-endian, in base64."""
    dtype = "<f2" if precision == "float16" else "<f4"
    arrays = (t.numpy().astype(dtype).tobytes() for t in program.used_constants().values())
    return base64.b64encode(b"".join(arrays)).decode("ascii")


@torch.no_grad()
def _pixel_difference(trained: Trained) -> int:
    """Return how far float16 weights move the pixels of some pictures, at most."""
    inputs = trained.inputs(16, 0)
    exact = pixels_of(trained.network(*inputs))
    rounded = torch.func.functional_call(trained.network, _rounded(trained.network), inputs)
    return int((exact - pixels_of(rounded)).abs().max())


def _rounded(network: nn.Module) -> dict[str, Tensor]:
    return {
        name: tensor.half().float() if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }


def pixels_of(images: Tensor) -> Tensor:
    """Return images in [-1, 1] as whole shades of 0 to 255."""
    return ((images + 1) * 127.5).round().clamp(0, 255).int()
