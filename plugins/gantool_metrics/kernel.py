"""The kernel distance between two sets of features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from gantool import Rows, Samples


def kernel_distance(first: Tensor, second: Tensor) -> float:
    """Return the squared maximum mean discrepancy, unbiased, so that it can be below 0.

    Its kernel is (x·y / F + 1)³ (Bińkowski et al. 2018, section 4).

    Args:
        first: [N, F], N at least 2.
        second: [M, F], M at least 2.
    """
    first, second = first.double(), second.double()
    within = _mean_of_pairs(first) + _mean_of_pairs(second)
    return float(within - 2 * _kernel(first, second).mean())


def subset_distances(
    first: Rows, second: Rows, *, size: int, count: int, random: torch.Generator
) -> Tensor:
    """Return the kernel distance of each of several pairs of random subsets, float64 [count].

    Where a subset would be the whole of both sets there is only one, and one distance.
    """
    pairs = 1 if size == len(first) == len(second) else count
    distances = [
        kernel_distance(_subset(first, size, random), _subset(second, size, random))
        for _ in range(pairs)
    ]
    return torch.tensor(distances, dtype=torch.float64)


def class_distances(
    real: Samples, fake: Samples, size: int, count: int, random: torch.Generator
) -> Tensor:
    """Return the kernel distance of each class with two real and two fake images, float64 [C].

    Args:
        real: Labeled.
        fake: Labeled.
        size: Most images in a subset.
        count: Pairs of subsets over which each class's distances are averaged.
        random: Draws the subsets.
    """
    distances = []
    for label in range(1 + int(torch.as_tensor(real.labels).max())):
        first, second = (
            _Chosen(each.feature_rows, torch.as_tensor(each.labels == label).nonzero().flatten())
            for each in (real, fake)
        )
        if (least := min(size, len(first), len(second))) >= 2:
            found = subset_distances(first, second, size=least, count=count, random=random)
            distances.append(found.mean())
    return torch.stack(distances) if distances else torch.empty(0, dtype=torch.float64)


@dataclass(frozen=True)
class _Chosen:
    """Some rows, by their indices int64 [n]."""

    rows: Rows
    chosen: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.chosen), *self.rows.shape[1:]

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, rows: Any) -> Tensor:
        return self.rows[self.chosen[rows]]


def _subset(features: Rows, size: int, random: torch.Generator) -> Tensor:
    """Return random rows [size, F], none of them twice."""
    return features[torch.randperm(len(features), generator=random)[:size]]


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    return (first @ second.T / first.shape[1] + 1) ** 3  # [N, M]


def _mean_of_pairs(features: Tensor) -> Tensor:
    """Return the mean kernel of two different members of a set."""
    kernel, count = _kernel(features, features), len(features)
    return (kernel.sum() - kernel.trace()) / (count * (count - 1))
