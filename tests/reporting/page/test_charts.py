"""Charts: what is drawn, thinned out and escaped."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from gantool.reporting.page.charts import COLUMNS, HEIGHT, WIDTH, Line, line_chart, path, thinned


def drawn(chart: str, kind: str) -> list[list[tuple[float, float]]]:
    """Return the points of each path of a kind; the chart must be well-formed."""
    tree = ElementTree.fromstring(chart)
    paths = [p.attrib["d"] for p in tree.iter("path") if p.attrib["class"] == kind]
    return [
        [(float(x), float(y)) for x, y in re.findall(r"[ML]([-\d.e]+),([-\d.e]+)", each)]
        for each in paths
    ]


def test_a_line_stands_where_its_values_are() -> None:
    chart = line_chart(
        [Line("a", [0, 5, 10], [0.0, 1.0, 0.5])], title="t", y_range=(0, 1), guide=0.5
    )
    ((first, second, third),) = drawn(chart, "line")
    assert first == (0, HEIGHT)
    assert second[1] == 0
    assert third[1] == HEIGHT / 2
    assert WIDTH * 0.97 < third[0] < WIDTH  # room for its dot
    assert len(drawn(chart, "dots")[0]) == 3
    assert f'class="guide" d="M0,{HEIGHT // 2}H{WIDTH}"' in chart


def test_gaps_stay_gaps() -> None:
    x = np.linspace(0, 1, 5)
    assert path(x, np.array([0, np.nan, 0.5, np.nan, 1])).count("M") == 3
    assert path(x, np.array([0, 0.2, 0.5, 0.7, 1])).count("M") == 1
    assert path(x, np.full(5, np.nan)) == ""


def test_many_values_are_smoothed_over_faint_ones() -> None:
    x = list(range(1, 401))
    noisy = [2 + (-1) ** i for i in x]
    chart = line_chart([Line("a", x, noisy)], title="t")
    (faint,), (strong,) = drawn(chart, "raw"), drawn(chart, "line")
    spread = [np.ptp([y for _, y in points[20:-20]]) for points in (faint, strong)]
    assert spread[1] < spread[0] / 4
    assert not drawn(chart, "dots")
    plain = line_chart([Line("a", x, noisy)], title="t", smoothed=False)
    assert not drawn(plain, "raw")
    assert np.ptp([y for _, y in drawn(plain, "line")[0]]) > spread[0] / 2


def test_thinning_keeps_extremes_ends_and_gaps() -> None:
    random = np.random.default_rng(0)
    x, y = np.linspace(0, 1, 100_000), random.normal(size=100_000)
    y[50_123], y[70_007] = 50, -40
    y[20_000] = np.nan
    kept_x, kept_y = thinned(x, y)
    assert len(kept_x) <= 4 * COLUMNS + 1
    assert [kept_x[0], kept_x[-1]] == [0.0, 1.0]
    assert [np.nanmax(kept_y), np.nanmin(kept_y)] == [50.0, -40.0]
    assert np.isnan(kept_y).sum() == 1
    assert np.all(np.diff(kept_x) > 0)
    for column in range(COLUMNS):  # each column shows what it showed
        inside = (x >= column / COLUMNS) & (x < (column + 1) / COLUMNS)
        kept = (kept_x >= column / COLUMNS) & (kept_x < (column + 1) / COLUMNS)
        assert np.nanmax(y[inside]) == np.nanmax(kept_y[kept])
        assert np.nanmin(y[inside]) == np.nanmin(kept_y[kept])


def test_a_long_run_stays_small() -> None:
    random = np.random.default_rng(0)
    series = [
        Line(name, np.arange(200_000).tolist(), random.normal(size=200_000).tolist())
        for name in "ab"
    ]
    assert len(line_chart(series, title="t")) < 80_000


def test_logarithmic_charts_put_decades_at_equal_distances() -> None:
    chart = line_chart(
        [Line("a", [1, 2, 3, 4], [0.1, 1.0, 10.0, 0.0])], title="t", logarithmic=True
    )
    ((_, low), (_, middle), (_, high)) = drawn(chart, "line")[0]
    assert low - middle == pytest.approx(middle - high, rel=1e-3)


def test_names_are_escaped() -> None:
    hostile = '"><script>alert(1)</script>'
    chart = line_chart([Line(hostile, [1], [1.0])], title=hostile)
    assert "<script" not in chart
    ElementTree.fromstring(chart)


def test_nothing_to_draw_is_an_empty_chart() -> None:
    ElementTree.fromstring(line_chart([], title="t"))
    ElementTree.fromstring(line_chart([Line("a", [], [])], title="t"))
    ElementTree.fromstring(line_chart([Line("a", [1, 2], [None, None])], title="t"))


def test_a_title_says_how_it_is_drawn_and_nothing_else() -> None:
    long, short = ([Line("a", x, [2.0 + i % 3 for i in x])] for x in (range(1, 401), range(1, 9)))
    below = [Line("a", range(1, 9), [-1.0] * 8)]

    def title(series: list[Line], *, logarithmic: bool = False, smoothed: bool = True) -> str:
        chart = line_chart(series, title="Loss", logarithmic=logarithmic, smoothed=smoothed)
        return chart.partition('"name">')[2].partition("<")[0]

    assert title(long, logarithmic=True) == "Loss, smoothed, log scale"
    assert title(long, smoothed=False) == "Loss"
    assert title(short, logarithmic=True) == "Loss, log scale"
    assert title(below, logarithmic=True) == "Loss"  # there is no logarithm of it


def test_least_and_greatest_values_are_drawn_in_place_of_means() -> None:
    x = np.arange(1.0, 401.0)
    extremes = np.repeat(x, 2), np.tile([0.0, 10.0], 400)
    chart = line_chart([Line("a", x, np.full(400, 5.0), extremes=extremes)], title="t")
    (faint,), (strong,) = drawn(chart, "raw"), drawn(chart, "line")
    assert np.ptp([y for _, y in faint]) > 100 * np.ptp([y for _, y in strong])


@pytest.mark.parametrize("logarithmic", [False, True])
@pytest.mark.parametrize("odd", [1e308, -1e308, 5e-324, math.inf, math.nan, None, -1.0])
def test_no_value_of_a_damaged_record_keeps_the_others_from_being_drawn(
    odd: float | None, logarithmic: bool
) -> None:
    for x, y in (([1.0, 2.0, 3.0], [1.0, odd, 2.0]), ([1.0, 2.0, odd or 3.0], [1.0, 1.5, 2.0])):
        chart = line_chart([Line("a", x, y)], title="Loss", logarithmic=logarithmic)
        assert not re.search(r"\b(nan|inf)\b", chart)
        assert re.search(r'd="M[\d.-]+,[\d.-]+', chart)
