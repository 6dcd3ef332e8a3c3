"""A generator as a list of instructions on flat arrays, for one image at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

Shape = tuple[int, ...]


class Unsupported(Exception):  # noqa: N818  a limit of the page, not a fault
    """An operation that is known, used in a way that is not."""


@dataclass(frozen=True)
class Instruction:
    """One operation.

    Attributes:
        op: Its name, as in engine.js.
        inputs: Names of the arrays it reads.
        output: Name of the array it makes.
        size: Numbers in that array.
        options: What else it needs to know.
    """

    op: str
    inputs: tuple[str, ...]
    output: str
    size: int
    options: dict[str, Any] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "op": self.op,
            "inputs": list(self.inputs),
            "output": self.output,
            "size": self.size,
            **self.options,
        }


@dataclass
class Program:
    """Instructions, and the constants that they read.

    Attributes:
        inputs: Names of the latent and, where it is conditional, of the label.
        constants: float32, by name.
        shapes: Of every array, by name.
        instructions: In the order in which they are followed.
        output: Name of the array that holds the image, [C, H, W] in [-1, 1].
    """

    inputs: list[str] = field(default_factory=list)
    constants: dict[str, Tensor] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    instructions: list[Instruction] = field(default_factory=list)
    output: str = ""
    _names: int = 0

    def constant(self, value: Tensor | float) -> str:
        """Add a constant and return its name."""
        tensor = torch.as_tensor(value).detach().float()
        name = self._name("c")
        self.constants[name] = tensor
        self.shapes[name] = tuple(tensor.shape)
        return name

    def emit(self, op: str, inputs: Iterable[str], shape: Sequence[int], /, **options: Any) -> str:
        """Add an instruction and return the name of what it makes."""
        name = self._name("t")
        size = torch.Size(shape).numel()
        self.instructions.append(Instruction(op, tuple(inputs), name, size, options))
        self.shapes[name] = tuple(shape)
        return name

    def viewed(self, name: str, shape: Sequence[int]) -> str:
        """Return the name of an array with the same numbers in another shape."""
        if tuple(shape) == self.shapes[name]:
            return name
        if name in self.constants:
            return self.constant(self.constants[name].reshape(tuple(shape)))
        return self.emit("same", (name,), shape)

    def rearranged(
        self, name: str, shape: Sequence[int], strides: Sequence[int], offset: int = 0
    ) -> str:
        """Return the name of an array that picks numbers of another, as torch's strides do."""
        return self.emit(
            "pick", (name,), shape, shape=list(shape), strides=list(strides), offset=offset
        )

    def used_constants(self) -> dict[str, Tensor]:
        """Return the constants that an instruction reads, in the order of their use."""
        read = (name for each in self.instructions for name in each.inputs)
        return {name: self.constants[name] for name in read if name in self.constants}

    def _name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"


def strides_of(shape: Sequence[int]) -> list[int]:
    """Return how far apart neighbors along each dimension are in a flat array."""
    strides = [1] * len(shape)
    for dim in range(len(shape) - 2, -1, -1):
        strides[dim] = strides[dim + 1] * shape[dim + 1]
    return strides


def broadcast_strides(shape: Sequence[int], to: Sequence[int]) -> list[int]:
    """Return the strides by which an array is read as if it had another shape, torch's rules."""
    padded = [1] * (len(to) - len(shape)) + list(shape)
    strides = strides_of(padded)
    return [0 if size == 1 else stride for size, stride in zip(padded, strides, strict=True)]
