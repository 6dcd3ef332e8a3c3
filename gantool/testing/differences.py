"""Gradients against differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gantool.testing.claims import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor

DIRECTIONS = 3
"""Random directions in which gradients are tried."""
STEP_SIZE = 1e-6
TOLERANCE = 1e-4


def random_direction(tensors: Iterable[Tensor], seed: int) -> list[Tensor]:
    """Draw a direction in the space of some tensors."""
    chance = torch.Generator().manual_seed(seed)
    return [torch.randn(t.shape, generator=chance, dtype=t.dtype) for t in tensors]


def difference_along(
    value: Callable[[], Tensor], tensors: Iterable[Tensor], direction: Sequence[Tensor]
) -> float:
    """Return the central difference quotient of a value; the tensors end where they began.

    Args:
        value: Computes a scalar, in float64, from the tensors as they are.
        tensors: What it depends on.
        direction: How they are moved.
    """
    moved = list(tensors)
    kept = [tensor.detach().clone() for tensor in moved]
    values = []
    for distance in (STEP_SIZE, -STEP_SIZE):
        _put(moved, [k + distance * d for k, d in zip(kept, direction, strict=True)])
        values.append(float(value().detach()))
    _put(moved, kept)
    return (values[0] - values[1]) / (2 * STEP_SIZE)


def agree(slope: float, difference: float) -> bool:
    """Whether a derivative is what differences say."""
    return abs(slope - difference) <= TOLERANCE * (1 + abs(difference))


def slope_along(gradients: Iterable[Tensor], direction: Iterable[Tensor]) -> float:
    """Return the derivative along a direction."""
    return sum(float((g * d).sum()) for g, d in zip(gradients, direction, strict=True))


def require_agreement(slope: float, difference: float, what: str) -> None:
    """Go on if a derivative is what differences say.

    Raises:
        BrokenPromise: If not.
    """
    require(agree(slope, difference), f"{what} is {slope:.6g}, and {difference:.6g} by differences")


@torch.no_grad()
def _put(tensors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
