from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gantool_metrics.kernel import kernel_distance, subset_distances


def plain(first: Tensor, second: Tensor) -> float:
    """Return the unbiased estimate, pair by pair."""

    def kernel(one: Tensor, two: Tensor) -> float:
        return float(sum(a * b for a, b in zip(one, two, strict=True)) / len(one) + 1) ** 3

    def mean(pairs: list[float]) -> float:
        return sum(pairs) / len(pairs)

    within = [
        mean([kernel(x, y) for i, x in enumerate(set_) for j, y in enumerate(set_) if i != j])
        for set_ in (first, second)
    ]
    return sum(within) - 2 * mean([kernel(x, y) for x in first for y in second])


def test_it_is_the_mean_over_pairs(random: torch.Generator) -> None:
    first = torch.randn(9, 4, generator=random, dtype=torch.float64)
    second = torch.randn(6, 4, generator=random, dtype=torch.float64) + 0.5
    assert kernel_distance(first, second) == pytest.approx(plain(first, second), rel=1e-12)


def test_it_agrees_with_torch_fidelity(random: torch.Generator) -> None:
    kid = pytest.importorskip("torch_fidelity.metric_kid")
    first = torch.randn(120, 32, generator=random, dtype=torch.float64)
    second = torch.randn(120, 32, generator=random, dtype=torch.float64) + 0.2
    theirs = kid.kid_features_to_metric(
        first, second, kid_subset_size=120, kid_subsets=1, verbose=False
    )
    assert kernel_distance(first, second) == pytest.approx(
        theirs["kernel_inception_distance_mean"], rel=1e-6
    )


def test_sets_of_one_kind_have_no_distance_on_average(random: torch.Generator) -> None:
    pool = torch.randn(4000, 3, generator=random)
    found = subset_distances(pool[:2000], pool[2000:], size=20, count=400, random=random)
    assert (found < 0).any()
    assert abs(float(found.mean())) < 3 * float(found.std()) / 400**0.5


def test_a_subset_holds_nobody_twice_and_is_drawn_anew(random: torch.Generator) -> None:
    first = torch.randn(30, 3, generator=random)
    found = subset_distances(first, first + 1, size=29, count=8, random=random)
    assert len(set(found.tolist())) == 8
    whole = subset_distances(first, first + 1, size=30, count=8, random=random)
    assert whole.tolist() == pytest.approx([kernel_distance(first, first + 1)])
