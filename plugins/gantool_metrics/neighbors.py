"""Distances to nearest neighbors, block by block, so that no whole matrix is ever held."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

ROWS = 512
COLUMNS = 4096


class Neighbors(NamedTuple):
    """The nearest neighbor of each point: its index, int64 [N], and its distance, float64 [N]."""

    indices: Tensor
    distances: Tensor


def square_distances(first: Tensor, second: Tensor) -> Tensor:
    """Return the squares of all Euclidean distances, [N, M]; rounding makes none negative."""
    squares = first.square().sum(1)[:, None] + second.square().sum(1)  # |x|² + |y|²
    return squares.addmm_(first, second.T, alpha=-2).clamp_min_(0)  # - 2 x·y


def blocks(points: Tensor, size: int = ROWS) -> Iterator[tuple[slice, Tensor]]:
    """Yield some rows at a time, and which ones they are."""
    for start in range(0, len(points), size):
        rows = slice(start, min(start + size, len(points)))
        yield rows, points[rows]


def ball_radii(points: Tensor, k: int) -> Tensor:
    """Return the square of each point's distance to the k-th nearest of the others, [N].

    Args:
        points: float64 [N, F], N greater than k.
        k: From 1.
    """
    radii = []
    for rows, block in blocks(points):
        distances = _without_self(square_distances(block, points), rows.start)
        radii.append(distances.kthvalue(k, dim=1).values)
    return torch.cat(radii)


def nearest(points: Tensor, among: Tensor) -> Neighbors:
    """Return each point's nearest neighbor in a set; if that is the same tensor, another point.

    Neighbors are looked for in float32, and the distances to them are those of float64.

    Args:
        points: [N, F].
        among: [M, F].
    """
    center = among.mean(0, dtype=torch.float64)  # small numbers lose less to rounding
    small, others = ((each - center).float() for each in (points, among))
    same = points is among
    found = [_nearest_in_blocks(block, rows, others, same) for rows, block in blocks(small)]
    indices = torch.cat(found)
    squares = [
        (block.double() - among[indices[rows]].double()).square().sum(1)
        for rows, block in blocks(points)
    ]
    return Neighbors(indices, torch.cat(squares).sqrt())


def _nearest_in_blocks(points: Tensor, rows: slice, among: Tensor, same: bool) -> Tensor:
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
