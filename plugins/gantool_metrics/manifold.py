"""How two sets overlap, each seen as the balls around its points."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from gantool_metrics.neighbors import ball_radii, blocks, square_distances

if TYPE_CHECKING:
    from torch import Tensor


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1] of the fakes that look real, and of the reals that could be generated."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How many real balls a fake lies in, of k expected; and the share of real balls with fakes."""

    density: float
    coverage: float


def precision_recall(real: Tensor, fake: Tensor, k: int) -> PrecisionRecall:
    """Return improved precision and recall (Kynkäänniemi et al. 2019, eq. 1 to 3).

    Args:
        real: [N, F], N greater than k.
        fake: [M, F], M greater than k.
        k: A ball reaches to its center's k-th nearest neighbor.
    """
    real, fake = _centered(real, fake)
    return PrecisionRecall(_share_inside(fake, real, k), _share_inside(real, fake, k))


def density_coverage(real: Tensor, fake: Tensor, k: int) -> DensityCoverage:
    """Return density and coverage (Naeem et al. 2020, eq. 4 and 5).

    Args:
        real: [N, F], N greater than k.
        fake: [M, F].
        k: A ball reaches to its center's k-th nearest neighbor.
    """
    real, fake = _centered(real, fake)
    radii = ball_radii(real, k)  # [N]
    inside = torch.zeros(len(real), dtype=torch.int64)  # fakes in each ball
    for _, block in blocks(fake):
        inside += (square_distances(block, real) < radii).sum(0)
    density = float(inside.sum()) / (k * len(fake))
    return DensityCoverage(density, float((inside > 0).double().mean()))


def _share_inside(points: Tensor, centers: Tensor, k: int) -> float:
    """Return the share of points that lie in any ball around the centers."""
    radii = ball_radii(centers, k)
    inside = [(square_distances(block, centers) <= radii).any(1) for _, block in blocks(points)]
    return float(torch.cat(inside).double().mean())


def _centered(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in float64 around the mean of the reals: small numbers lose less to rounding."""
    mean = real.mean(0, dtype=torch.float64)
    return real.double() - mean, fake.double() - mean
