from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from gantool.reporting.page.charts import smooth
from gantool.reporting.pictures.curves import draw_curves, make_figure
from tests.curves import curves_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

pytestmark = pytest.mark.quick

REPORT = Path(__file__).parents[4] / "shared" / "reference" / "seed_curve.csv"
BLUE, RED = (0x0E, 0x74, 0x90), (0xBE, 0x18, 0x5D)


def life(count: int) -> list[dict[str, Any]]:
    """Records of a run in which the discriminator slowly wins."""
    return [
        {
            "step": 10 * index,
            "epoch": 10 * index / 68,
            "discriminator_loss": 1.2 * math.exp(-index / count) + 0.1 * math.sin(index),
            "generator_loss": 2 + 4 * (index / count) ** 2 + 0.3 * math.cos(index),
            "real_score": 0.6 + 0.3 * index / count,
            "fake_score": 0.4 - 0.3 * index / count,
        }
        for index in range(1, count + 1)
    ]


def colored(path: Path, color: tuple[int, int, int]) -> int:
    """Return how many pixels have a color."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) >= 500
        pixels = np.asarray(picture.convert("RGB"))
    return int((pixels == color).all(axis=-1).sum())


@pytest.mark.parametrize("count", [1, 2, 1500])
def test_both_players_are_drawn(tmp_path: Path, count: int) -> None:
    path = tmp_path / "curves.png"
    draw_curves(curves_of(life(count)), path, "base $x_$")
    assert colored(path, BLUE) > 300
    assert colored(path, RED) > 300
    assert [p.name for p in path.parent.iterdir()] == ["curves.png"]


def entries(panel: Axes) -> list[str]:
    legend = panel.get_legend()
    assert legend is not None
    return [label.get_text() for label in legend.get_texts()]


def test_panels_are_labeled_as_in_the_report() -> None:
    figure = make_figure(curves_of(life(50)), "base")
    losses, scores = figure.axes
    assert entries(losses) == ["Discriminator", "Generator"]
    assert entries(scores) == ["D(real)", "D(fake)"]
    assert (losses.get_ylabel(), scores.get_ylabel()) == ("loss", "D(x)")
    assert scores.get_xlabel() == "epoch"
    low, high = scores.get_ylim()
    assert (low, high) == (-0.02, 1.02)
    assert losses.get_xlim()[0] == 0


def test_lines_hold_the_recorded_values() -> None:
    records = life(1500)
    losses = make_figure(curves_of(records)).axes[0]
    faint, strong = losses.lines[2:4]
    values = np.array([record["generator_loss"] for record in records])
    assert np.array_equal(faint.get_xdata(), [record["epoch"] for record in records])
    assert np.array_equal(faint.get_ydata(), values)
    trend = np.array([2 + 4 * (index / 1500) ** 2 for index in range(1, 1501)])
    assert np.abs(values - trend)[20:-20].max() > 0.29
    assert np.abs(strong.get_ydata() - trend)[20:-20].max() < 0.02


def test_what_is_not_finite_is_a_gap_in_both_lines(tmp_path: Path) -> None:
    records = life(200)
    for index, value in zip(
        range(100, 120), [None, math.nan, math.inf, -math.inf] * 5, strict=True
    ):
        records[index]["generator_loss"] = value
    draw_curves(curves_of(records), tmp_path / "curves.png")
    for line in make_figure(curves_of(records)).axes[0].lines[2:4]:
        missing = np.flatnonzero(np.isnan(np.asarray(line.get_ydata(), dtype=float)))
        assert missing.tolist() == list(range(100, 120))


def test_a_run_of_nothing_but_nan_is_drawn_too(tmp_path: Path) -> None:
    records = [{**record, "discriminator_loss": None, "generator_loss": None} for record in life(3)]
    draw_curves(curves_of(records), tmp_path / "curves.png")
    assert colored(tmp_path / "curves.png", RED) > 0  # D(fake)


def test_without_scores_there_is_one_panel() -> None:
    records = [{k: v for k, v in record.items() if "score" not in k} for record in life(20)]
    assert len(make_figure(curves_of(records)).axes) == 1


def test_nothing_to_draw_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one record"):
        draw_curves(curves_of([]), tmp_path / "curves.png")


def test_one_wild_value_does_not_flatten_the_rest() -> None:
    records = life(1500)
    records[700]["generator_loss"] = 1e6
    assert make_figure(curves_of(records)).axes[0].get_ylim()[1] < 1e6


def test_the_mean_is_a_hann_weighted_one_over_what_is_known() -> None:
    values = np.random.default_rng(0).normal(size=250)
    values[[0, 57, 58, 59, 249]] = np.nan
    half = 3  # 250 values, so a window of 5 and zeros at its ends
    expected = []
    for center, value in enumerate(values):
        weights, total = 0.0, 0.0
        for place in range(max(0, center - half), min(len(values), center + half + 1)):
            if not math.isnan(values[place]):
                weight = 0.5 + 0.5 * math.cos(math.pi * (place - center) / half)
                weights, total = weights + weight, total + weight * values[place]
        expected.append(math.nan if math.isnan(value) else total / weights)
    np.testing.assert_allclose(smooth(values), expected, rtol=1e-12)


@pytest.mark.skipif(not REPORT.exists(), reason="the report's curve is not here")
def test_the_collapses_of_the_report_are_still_seen(tmp_path: Path) -> None:
    with REPORT.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    records = [
        {
            "step": int(row["epoch"]),
            "epoch": int(row["epoch"]),
            "discriminator_loss": float(row["d_loss"]),
            "generator_loss": float(row["g_loss"]),
        }
        for row in rows
    ]
    assert len(records) == 170
    draw_curves(curves_of(records), tmp_path / "curves.png", "base")
    strong = np.asarray(make_figure(curves_of(records)).axes[0].lines[1].get_ydata(), dtype=float)
    for epoch in (96, 115, 144, 163):
        around = np.r_[strong[epoch - 6 : epoch - 3], strong[epoch + 4 : epoch + 7]]
        assert strong[epoch - 1 : epoch + 2].max() > 1.5 * around.mean()
