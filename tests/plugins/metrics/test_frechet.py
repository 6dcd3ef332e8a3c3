from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gantool_metrics import frechet
from gantool_metrics.frechet import frechet_distance


def standard(count: int, width: int, random: torch.Generator) -> Tensor:
    """Return points whose sample mean is 0 and whose sample covariance is 1, both exactly."""
    drawn = torch.randn(count, width, generator=random, dtype=torch.float64)
    points: Tensor = torch.linalg.qr(drawn - drawn.mean(0)).Q * (count - 1) ** 0.5
    return points


def square_root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors * values.clamp_min(0).sqrt() @ vectors.T
    return root


def test_axis_aligned_gaussians_have_the_distance_of_their_formula(
    random: torch.Generator,
) -> None:
    first = standard(300, 5, random) * torch.tensor([1.0, 2, 3, 4, 5])
    second = standard(200, 5, random) * torch.tensor([5.0, 2, 1, 0.5, 0]) + 2
    # |0 - 2|² in 5 dimensions, and the squares of the differences of the deviations
    assert frechet_distance(first, second) == pytest.approx(20 + 16 + 0 + 4 + 12.25 + 25, rel=1e-9)


def test_gaussians_in_general_position_have_the_distance_of_their_formula(
    random: torch.Generator,
) -> None:
    shapes = [torch.randn(6, 6, generator=random, dtype=torch.float64) for _ in range(2)]
    first, second = (standard(100, 6, random) @ shape for shape in shapes)
    one, two = (shape.T @ shape for shape in shapes)
    root = square_root(one)
    expected = (one + two - 2 * square_root(root @ two @ root)).trace()
    assert frechet_distance(first, second + 1) == pytest.approx(6 + float(expected), rel=1e-9)


@pytest.mark.parametrize(("count", "width"), [(40, 200), (200, 40), (1000, 16)])
def test_a_set_has_no_distance_to_itself(random: torch.Generator, count: int, width: int) -> None:
    features = 3 + torch.randn(count, width, generator=random) * torch.arange(1, width + 1)
    trace = float(features.double().var(0).sum())
    shuffled = features[torch.randperm(count, generator=random)]
    assert abs(frechet_distance(features, features)) < 1e-9 * trace
    assert abs(frechet_distance(features, shuffled)) < 1e-9 * trace


def test_blocks_make_no_difference(
    random: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (torch.randn(103, 8, generator=random) for _ in range(2))
    whole = frechet_distance(first, second)
    monkeypatch.setattr(frechet, "BLOCK_SIDES", 1)
    assert frechet_distance(first, second) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("count", [30, 500])
def test_it_agrees_with_torch_fidelity(random: torch.Generator, count: int) -> None:
    fid = pytest.importorskip("torch_fidelity.metric_fid")
    mixing = torch.randn(64, 64, generator=random)
    first = torch.randn(count, 64, generator=random) @ mixing
    second = (torch.randn(count + 20, 64, generator=random) + 0.1) @ mixing.roll(1)
    statistics = [fid.fid_features_to_statistics(features) for features in (first, second)]
    theirs = fid.fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]
    assert frechet_distance(first, second) == pytest.approx(theirs, rel=1e-4)
