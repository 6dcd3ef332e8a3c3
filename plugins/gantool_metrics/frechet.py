"""The Fréchet distance between two sets of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gantool_metrics.neighbors import Shifted, blocks, mean_of

if TYPE_CHECKING:
    from torch import Tensor

    from gantool import Rows

BLOCK_SIDES = 4
"""Rows that are reduced at a time, in multiples of the number of features."""
MANY_FEATURES = 2048
"""Above, where memory counts, only as many rows as there are features are reduced at a time."""


def frechet_distance(first: Rows, second: Rows) -> float:
    """Return the Fréchet distance between the Gaussians of two sets (Heusel et al. 2017, eq. 6).

    |μ₁ - μ₂|² + tr Σ₁ + tr Σ₂ - 2 tr (Σ₁Σ₂)^½. With R₁ᵀR₁ = Σ₁ and R₂ᵀR₂ = Σ₂ the last trace is
    the sum of the singular values of R₁R₂ᵀ: (Σ₁Σ₂)^½ has the eigenvalues of (R₁R₂ᵀ)(R₁R₂ᵀ)ᵀ to
    the power ½. So no square root of rounding errors is taken, and a set has distance 0 to itself
    also where there are fewer images than features.

    Args:
        first: [N, F], N at least 2.
        second: [M, F], M at least 2.
    """
    mean_1, root_1 = _moments(first)  # [F], [R₁, F]
    mean_2, root_2 = _moments(second)
    overlap = torch.linalg.svdvals(root_1 @ root_2.T).sum()
    traces = root_1.square().sum() + root_2.square().sum()
    return float((mean_1 - mean_2).square().sum() + traces - 2 * overlap)


def _moments(features: Rows) -> tuple[Tensor, Tensor]:
    """Return mean [F] and R [at most F, F] with RᵀR the covariance (divided by N - 1), float64.

    A triangle takes the place of the rows as soon as there are more of them than features.
    """
    count, width = features.shape
    mean = mean_of(features)
    root = mean.new_empty(0, width)
    sides = BLOCK_SIDES if width <= MANY_FEATURES else 1
    for _, block in blocks(Shifted(features, mean), sides * width):
        root = torch.cat([root, block])
        if len(root) > width:
            root = torch.linalg.qr(root, mode="r").R  # [F, F]
    return mean, root / (count - 1) ** 0.5
