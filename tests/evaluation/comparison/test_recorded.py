"""Which curves are said to climb: planted ones, and the one of the report."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gantool.evaluation.comparison.recorded import late_trend, stability_of
from gantool.evaluation.comparison.verdicts import course
from tests.curves import curves_of

Values = NDArray[np.float64]
SEED_CURVE = Path(__file__).parents[4] / "shared" / "reference" / "seed_curve.csv"


def said(values: Values) -> str | None:
    return course(late_trend(values, np.arange(1, len(values) + 1, dtype=np.float64)))


def noise(seed: int, count: int = 700, size: float = 0.4) -> Values:
    return np.random.default_rng(seed).normal(0, size, count)


def like_the_report(seed: int) -> Values:
    """Return a loss that falls, stays, and climbs from the middle on, with sudden collapses."""
    epochs = np.linspace(0, 1, 700)
    curve = 5.3 * np.exp(-20 * epochs) + 3 + 7 * np.clip(epochs - 0.45, 0, None) + noise(seed)
    curve[[400, 401, 480, 590, 680]] = 0.5
    return curve


def test_a_climb_like_the_reports_is_said_to_climb_and_its_mirror_not() -> None:
    for seed in range(5):
        curve = like_the_report(seed)
        assert said(curve) == "climbs"
        assert said(2 * 3.5 - curve) == "falls"


def test_the_reports_own_curve_climbs_and_its_mirror_does_not() -> None:
    if not SEED_CURVE.is_file():
        pytest.skip("the report's curve is not here")
    with SEED_CURVE.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 170
    losses = np.array([float(row["g_loss"]) for row in rows])
    assert said(losses) == "climbs"
    assert said(losses[::-1].copy()) == "stays level"  # early, its losses did
    assert said(losses.max() + losses.min() - losses) == "falls"


def test_noise_stays_level() -> None:
    assert {said(3 + noise(seed)) for seed in range(20)} == {"stays level"}
    assert said(np.full(100, 2.0)) == "stays level"
    wild = [late_trend(3 + noise(seed, size=3.0), np.arange(700.0)) for seed in range(20)]
    assert {course(trend) for trend in wild} == {"stays level"}
    assert any(trend and abs(trend.rise) > 0.1 * trend.level for trend in wild)
    spiked = 3 + noise(0)
    spiked[::50] = 20.0
    assert said(spiked) == "stays level"


def test_a_steady_rise_too_small_to_see_stays_level() -> None:
    rising = np.linspace(3.0, 3.3, 700)  # a twentieth of its level in the second half
    assert said(rising) == "stays level"
    assert said(np.linspace(3.0, 4.5, 700)) == "climbs"


def test_the_line_is_that_of_all_pairs_of_points() -> None:
    values = 2 + np.random.default_rng(1).normal(0, 1, 60).cumsum() / 5
    epochs = np.arange(1, 61) / 4
    late = list(zip(epochs[30:], values[30:], strict=True))
    slope = median((b - a) / (y - x) for (x, a), (y, b) in combinations(late, 2))
    offset = median(value - slope * epoch for epoch, value in late)
    trend = late_trend(values, epochs)
    assert trend is not None
    assert trend.slope == pytest.approx(slope)
    assert trend.start == pytest.approx(offset + slope * epochs[30])
    assert trend.end == pytest.approx(offset + slope * epochs[-1])
    residuals = [abs(value - offset - slope * epoch) for epoch, value in late]
    assert trend.spread == pytest.approx(1.4826 * median(residuals))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda values: values[:14],  # eight are needed in the second half
        lambda values: np.full_like(values, np.nan),
    ],
)
def test_too_little_is_no_trend(spoil: Callable[[Values], Values]) -> None:
    assert said(spoil(np.linspace(1, 9, 100))) is None


def test_figures_of_records_pass_over_what_is_no_number() -> None:
    records: list[dict[str, Any]] = [
        {
            "step": n,
            "epoch": n,
            "generator_loss": float(n),
            "discriminator_loss": None if n == 99 else 0.25,
        }
        | {"real_score": 0.99, "fake_score": 0.05 if n < 25 else 0.5}
        for n in range(100)
    ]
    records[99] |= {"generator_loss": None, "non_finite": ["generator_loss"]}
    figures = stability_of(curves_of(records))
    assert figures.generator_loss == 94.0  # the median of 90 to 98
    assert figures.discriminator_loss == 0.25
    assert figures.wide_gap == 0.25
    assert figures.gap == pytest.approx(0.49)
    assert figures.not_finite == 1
    empty = stability_of(curves_of([]))
    assert (empty.generator_loss, empty.trend, empty.wide_gap) == (None, None, None)
