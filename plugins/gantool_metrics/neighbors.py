"""Distances to nearest neighbors, block by block, so that no whole matrix is ever held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from gantool import Rows

ROWS = 512
COLUMNS = 4096


class Neighbors(NamedTuple):
    """The nearest neighbor of each point: its index, int64 [N], and its distance, float64 [N]."""

    indices: Tensor
    distances: Tensor


@dataclass(frozen=True)
class Shifted:
    """Points around a center, computed when they are read: small numbers lose less to rounding.

    Attributes:
        points: [N, F].
        center: float64 [F].
        dtype: What they are computed with.
    """

    points: Rows
    center: Tensor
    dtype: torch.dtype = torch.float64

    def __len__(self) -> int:
        return len(self.points)

    @property
    def shape(self) -> tuple[int, ...]:
        """N and F."""
        return tuple(self.points.shape)

    def __getitem__(self, rows: Any) -> Tensor:
        """Return the points of a slice, or of indices."""
        return (self.points[rows].double() - self.center).to(self.dtype)


def square_distances(first: Tensor, second: Tensor) -> Tensor:
    """Return the squares of all Euclidean distances, [N, M]; rounding makes none negative."""
    squares = first.square().sum(1)[:, None] + second.square().sum(1)  # |x|² + |y|²
    return squares.addmm_(first, second.T, alpha=-2).clamp_min_(0)  # - 2 x·y


def blocks(points: Rows, size: int = ROWS) -> Iterator[tuple[slice, Tensor]]:
    """Yield some rows at a time, and which ones they are."""
    for start in range(0, len(points), size):
        rows = slice(start, min(start + size, len(points)))
        yield rows, points[rows]


def mean_of(points: Rows) -> Tensor:
    """Return the mean of points [N, F], float64 [F]."""
    total = torch.zeros(points.shape[1], dtype=torch.float64)
    for _, block in blocks(points):
        total += block.sum(0, dtype=torch.float64)
    return total / len(points)


def ball_radii(points: Rows, k: int) -> Tensor:
    """Return the square of each point's distance to the k-th nearest of the others, [N].

    Args:
        points: float64 [N, F], N greater than k.
        k: From 1.
    """
    radii = []
    for rows, block in blocks(points):
        least = block.new_empty(len(block), 0)  # of each, up to k, rising
        for columns, others in blocks(points, COLUMNS):
            squares = _without_self(square_distances(block, others), rows.start - columns.start)
            least = torch.cat([least, squares], 1)
            least = least.topk(min(k, least.shape[1]), dim=1, largest=False).values
        radii.append(least[:, -1])
    return torch.cat(radii)


def nearest(points: Rows, among: Rows) -> Neighbors:
    """Return each point's nearest neighbor in a set; if that is the same thing, another point.

    Neighbors are looked for in float32, and the distances to them are those of float64.

    Args:
        points: [N, F].
        among: [M, F].
    """
    center = mean_of(among)
    small, others = (Shifted(each, center, torch.float32) for each in (points, among))
    same = points is among
    found = [_nearest_in_blocks(block, rows, others, same) for rows, block in blocks(small)]
    indices = torch.cat(found)
    squares = [
        (block.double() - among[indices[rows]].double()).square().sum(1)
        for rows, block in blocks(points)
    ]
    return Neighbors(indices, torch.cat(squares).sqrt())


def _nearest_in_blocks(points: Tensor, rows: slice, among: Rows, same: bool) -> Tensor:
    """Return the index of the nearest neighbor of each of some points."""
    best = points.new_full((len(points),), torch.inf)
    indices = torch.zeros(len(points), dtype=torch.int64)
    for columns, block in blocks(among, COLUMNS):
        distances = square_distances(points, block)
        if same:
            distances = _without_self(distances, rows.start - columns.start)
        least, index = distances.min(1)
        closer = least < best
        best = torch.where(closer, least, best)
        indices = torch.where(closer, index + columns.start, indices)
    return indices


def _without_self(distances: Tensor, shift: int) -> Tensor:
    """Put a point's distance to itself, `shift` columns right of the diagonal, out of reach."""
    distances.diagonal(shift).fill_(torch.inf)
    return distances
