"""How two sets overlap, each seen as the balls around its points."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from gantool_metrics import neighbors
from gantool_metrics.neighbors import Shifted, ball_radii, blocks, mean_of, square_distances

if TYPE_CHECKING:
    from gantool import Rows


class PrecisionRecall(NamedTuple):
    """Shares in [0, 1] of the fakes that look real, and of the reals that could be generated."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """How many real balls a fake lies in, of k expected; and the share of real balls with fakes."""

    density: float
    coverage: float


def precision_recall(real: Rows, fake: Rows, k: int) -> PrecisionRecall:
    """Return improved precision and recall (Kynkäänniemi et al. 2019, eq. 1 to 3).

    Args:
        real: [N, F], N greater than k.
        fake: [M, F], M greater than k.
        k: A ball reaches to its center's k-th nearest neighbor.
    """
    real, fake = _centered(real, fake)
    return PrecisionRecall(_share_inside(fake, real, k), _share_inside(real, fake, k))


def density_coverage(real: Rows, fake: Rows, k: int) -> DensityCoverage:
    """Return density and coverage (Naeem et al. 2020, eq. 4 and 5).

    Args:
        real: [N, F], N greater than k.
        fake: [M, F].
        k: A ball reaches to its center's k-th nearest neighbor.
    """
    real, fake = _centered(real, fake)
    radii = ball_radii(real, k)  # [N]
    inside = torch.zeros(len(real), dtype=torch.int64)  # fakes in each ball
    for columns, centers in blocks(real, neighbors.COLUMNS):
        for _, block in blocks(fake):
            inside[columns] += (square_distances(block, centers) < radii[columns]).sum(0)
    density = float(inside.sum()) / (k * len(fake))
    return DensityCoverage(density, float((inside > 0).double().mean()))


def _share_inside(points: Rows, centers: Rows, k: int) -> float:
    """Return the share of points that lie in any ball around the centers."""
    radii = ball_radii(centers, k)
    inside = torch.zeros(len(points), dtype=torch.bool)
    for columns, some in blocks(centers, neighbors.COLUMNS):
        for rows, block in blocks(points):
            inside[rows] |= (square_distances(block, some) <= radii[columns]).any(1)
    return float(inside.double().mean())


def _centered(real: Rows, fake: Rows) -> tuple[Shifted, Shifted]:
    """Return both in float64 around the mean of the reals."""
    mean = mean_of(real)
    return Shifted(real, mean), Shifted(fake, mean)
