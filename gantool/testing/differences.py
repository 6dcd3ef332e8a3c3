"""Gradients against differences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from gantool.testing.claims import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from torch import Tensor

DIRECTIONS = 3
"""Random directions in which gradients are tried."""
STEP_SIZES = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
"""Wide networks of ReLUs have a kink within the longer ones almost surely."""
TOLERANCE = 1e-4
FAINTEST = 1e-3
"""Gradients down to this share of the largest one count as much as that."""
ROUNDING = 1e-14
"""Share of a value by which float64 may miss it."""


def random_direction(tensors: Iterable[Tensor], seed: int) -> list[Tensor]:
    """Draw a direction in the space of some tensors."""
    chance = torch.Generator().manual_seed(seed)
    return [torch.randn(t.shape, generator=chance, dtype=t.dtype) for t in tensors]


def require_right_gradients(
    value: Callable[[], Tensor],
    tensors: Iterable[Tensor],
    gradients: Iterable[Tensor],
    what: str,
) -> None:
    """Go on if gradients are what differences say, along any of some random directions.

    A wrong gradient disagrees along all of them: each moves every number. A right one disagrees
    only where a kink lies between the two ends of a difference, so that shorter ones are tried.

    Args:
        value: Computes a scalar, in float64, from the tensors as they are; they end as they began.
        tensors: What it depends on.
        gradients: Its gradients in each of them.
        what: What the value is called.

    Raises:
        BrokenPromise: If none agrees.
    """
    moved, found = list(tensors), list(gradients)
    scales = _scales(found)
    size = math.hypot(*(scale * float(g.norm()) for scale, g in zip(scales, found, strict=True)))
    for seed in range(DIRECTIONS):
        along = [scale * d for scale, d in zip(scales, random_direction(moved, seed), strict=True)]
        slope = sum(float((g * d).sum()) for g, d in zip(found, along, strict=True))
        for step in STEP_SIZES:
            upper, lower = _values_beside(value, moved, along, step)
            difference = (upper - lower) / (2 * step)
            allowed = TOLERANCE * (size + abs(difference)) + ROUNDING * abs(upper) / step
            if abs(slope - difference) <= allowed:
                return
    finding = f"the slope of {what} is {slope:.6g}, and {difference:.6g} by differences"
    require(False, finding)


def _scales(gradients: Iterable[Tensor]) -> list[float]:
    """Return by how much to move each tensor, so that none drowns the others out."""
    sizes = [float(gradient.norm()) for gradient in gradients]
    faintest = FAINTEST * max(sizes)
    return [faintest / max(size, faintest) if faintest else 1.0 for size in sizes]


def _values_beside(
    value: Callable[[], Tensor], tensors: Sequence[Tensor], direction: Sequence[Tensor], step: float
) -> tuple[float, float]:
    """Return a value on either side of the tensors, which end as they began."""
    kept = [tensor.detach().clone() for tensor in tensors]
    values = []
    for distance in (step, -step):
        _put(tensors, [k + distance * d for k, d in zip(kept, direction, strict=True)])
        values.append(float(value().detach()))
    _put(tensors, kept)
    return values[0], values[1]


@torch.no_grad()
def _put(tensors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
