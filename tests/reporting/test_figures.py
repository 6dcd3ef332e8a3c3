from __future__ import annotations

import math

import pytest

from gantool.reporting.console.dashboard import Trend
from gantool.reporting.figures import figure_label, format_duration, format_figure
from gantool.text import format_epoch

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"),
        (0.23456, "0.2346"),
        (-4.187, "-4.1870"),
        (12.3456, "12.346"),
        (123.456, "123.46"),
        (1234.56, "1234.6"),
        (123456.0, "1.2e+05"),
        (0.00012, "1.2e-04"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_figures_have_the_digits_that_matter(value: float, text: str) -> None:
    assert format_figure(value) == text


@pytest.mark.parametrize("mantissa", [1.0, -9.9999999, 9.995, -0.99999])
def test_figures_stay_short(mantissa: float) -> None:
    for exponent in range(-30, 31):
        value = mantissa * 10.0**exponent
        assert len(format_figure(value)) <= 8
        assert float(format_figure(value)) == pytest.approx(value, rel=0.06)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (252, "4 min 12 s"),
        (3599.7, "1 h 0 min"),
        (17400, "4 h 50 min"),
        (86399, "1 d 0 h"),
        (200_000, "2 d 8 h"),
    ],
)
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_names_and_epochs_are_readable() -> None:
    assert figure_label("discriminator_gradient_norm") == "D gradient"
    assert figure_label("penalty/path-length") == "path-length penalty"
    assert figure_label("learning_rate") == "learning rate"
    assert [format_epoch(e) for e in (220.0, 127.24, 126.98, 1234.5, 0.034, 0.96, 0.0)] == [
        "220",
        "127.2",
        "127",
        "1,234.5",
        "0.03",
        "1",
        "0",
    ]


def test_a_trend_is_filled_as_the_run_goes_on() -> None:
    trend = Trend(steps=100)
    assert trend.sparkline(10) == " " * 10
    for step in range(5, 55, 5):
        trend.add(step, float((step - 1) // 10))  # 0 in the first tenth, 1 in the second, ...
    assert trend.sparkline(10) == "▁▃▅▆█     "
    assert trend.sparkline(20) == "▁▁▃▃▅▅▆▆██          "
    assert trend.sparkline(4) == "▁█  "


def test_a_trend_of_few_records_has_no_holes() -> None:
    trend = Trend(steps=100)
    trend.add(50, 1.0)
    trend.add(100, 3.0)
    assert trend.sparkline(10) == "▁▁▁▁▁█████"
    assert len(trend.sparkline(500)) == 500
    assert " " not in trend.sparkline(500)


def test_a_trend_shows_what_broke_and_forgets_what_has_not_happened() -> None:
    trend = Trend(steps=100)
    trend.rewind(40)  # where a resumed run starts
    for step, value in ((60, 2.0), (70, math.nan), (80, math.inf), (90, 1.0)):
        trend.add(step, value)
    assert trend.sparkline(10) == "    ██××▁ "
    trend.rewind(60)
    assert trend.sparkline(10) == "    ▅▅    "
    trend.add(70, 4.0)
    assert trend.sparkline(10) == "    ▁▁█   "


def test_a_trend_between_bounds_stands_at_its_height() -> None:
    trend = Trend(steps=3, bounds=(0.0, 1.0))
    for step, value in ((1, 0.5), (2, 1.0), (3, 0.1)):
        trend.add(step, value)
    assert trend.sparkline(3) == "▅█▂"


def test_a_flat_trend_is_a_line() -> None:
    trend = Trend(steps=3)
    for step in (1, 2, 3):
        trend.add(step, 0.7)
    assert trend.sparkline(6) == "▅" * 6
