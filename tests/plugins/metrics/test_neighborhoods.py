from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gantool_metrics import neighbors
from gantool_metrics.manifold import density_coverage, precision_recall
from gantool_metrics.neighbors import ball_radii, nearest

pytestmark = pytest.mark.quick


@pytest.fixture(params=[None, 7])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let blocks be whole, or small and uneven."""
    if request.param:
        monkeypatch.setattr(neighbors.blocks, "__defaults__", (request.param,))
        monkeypatch.setattr(neighbors, "COLUMNS", 5)


@pytest.fixture
def sets(random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return two sets that overlap in part, far from the origin."""
    real = torch.randn(41, 3, generator=random, dtype=torch.float64)
    fake = 0.7 * torch.randn(33, 3, generator=random, dtype=torch.float64) + 1.2
    return real + 1000, fake + 1000


def distances(first: Tensor, second: Tensor) -> list[list[float]]:
    return [[float((x - y).norm()) for y in second] for x in first]


def radii(points: Tensor, k: int) -> list[float]:
    return [sorted(row)[k] for row in distances(points, points)]  # the nearest is the point itself


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("k", [1, 3])
def test_precision_and_recall_count_points_in_balls(sets: tuple[Tensor, Tensor], k: int) -> None:
    real, fake = sets

    def share(points: Tensor, centers: Tensor) -> float:
        balls = radii(centers, k)
        rows = distances(points, centers)
        return sum(any(d <= r for d, r in zip(row, balls, strict=True)) for row in rows) / len(rows)

    expected = (share(fake, real), share(real, fake))
    assert all(0 < value < 1 for value in expected)
    assert precision_recall(real, fake, k) == pytest.approx(expected, rel=1e-12)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("k", [1, 5])
def test_density_and_coverage_count_fakes_in_real_balls(
    sets: tuple[Tensor, Tensor], k: int
) -> None:
    real, fake = sets
    balls = radii(real, k)
    inside = [
        [d < r for d, r in zip(row, balls, strict=True)] for row in distances(fake, real)
    ]  # [fake][real]
    density = sum(map(sum, inside)) / (k * len(fake))
    coverage = sum(map(any, zip(*inside, strict=True))) / len(real)
    assert 0 < coverage < 1
    assert density_coverage(real, fake, k) == pytest.approx((density, coverage), rel=1e-12)


def test_precision_and_recall_agree_with_torch_fidelity(random: torch.Generator) -> None:
    prc = pytest.importorskip("torch_fidelity.metric_prc")
    real = torch.randn(200, 4, generator=random, dtype=torch.float64)
    fake = torch.randn(150, 4, generator=random, dtype=torch.float64) + 0.6
    theirs = prc.prc_features_to_metric(fake, real, verbose=False)
    ours = precision_recall(real, fake, 3)
    assert ours.precision == pytest.approx(theirs["precision"], rel=1e-6)
    assert ours.recall == pytest.approx(theirs["recall"], rel=1e-6)


@pytest.mark.usefixtures("block")
def test_nearest_is_the_nearest(sets: tuple[Tensor, Tensor]) -> None:
    real, fake = sets
    table = distances(fake, real)
    found = nearest(fake, real)
    assert found.indices.tolist() == [row.index(min(row)) for row in table]
    assert found.distances.tolist() == pytest.approx([min(row) for row in table], rel=1e-12)


@pytest.mark.usefixtures("block")
def test_no_point_is_its_own_neighbor(sets: tuple[Tensor, Tensor]) -> None:
    real, _ = sets
    found = nearest(real, real)
    assert found.distances.tolist() == pytest.approx(radii(real, 1), rel=1e-12)
    assert (found.indices != torch.arange(len(real))).all()
    assert ball_radii(real, 2).sqrt().tolist() == pytest.approx(radii(real, 2), rel=1e-6)


def test_a_copy_is_at_distance_zero(sets: tuple[Tensor, Tensor]) -> None:
    real, _ = sets
    found = nearest(real[[5, 3]].clone(), real)
    assert found.indices.tolist() == [5, 3]
    assert found.distances.tolist() == [0, 0]
