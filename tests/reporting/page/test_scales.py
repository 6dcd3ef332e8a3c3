"""Axes: which values they show and where."""

from __future__ import annotations

import numpy as np
import pytest

from gantool.reporting.page.charts import Scale, fit, round_numbers

pytestmark = pytest.mark.quick


def test_places_are_linear_or_logarithmic() -> None:
    values = np.array([1.0, 10.0, 100.0, 0.0, -1.0, np.nan])
    np.testing.assert_allclose(Scale(0, 100).place(values)[:4], [0.01, 0.1, 1, 0])
    places = Scale(1, 100, logarithmic=True).place(values)
    np.testing.assert_allclose(places, [0, 0.5, 1, np.nan, np.nan, np.nan])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 220, ["0", "50", "100", "150", "200"]),
        (-0.1, 1.1, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (0.151, 0.1631, ["0.1525", "0.155", "0.1575", "0.16", "0.1625"]),
        (-3.2, 3.2, ["-2", "0", "2"]),
        (0, 5e6, ["0", "1e+06", "2e+06", "3e+06", "4e+06", "5e+06"]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[str]) -> None:
    ticks = Scale(low, high).ticks()
    assert [text for _, text in ticks] == expected
    assert all(0 <= place <= 1 for place, _ in ticks)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.45, 8, ["0.5", "1", "2", "5"]),
        (0.5, 2000, ["1", "10", "100", "1,000"]),
        (1.2, 1.7, ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"]),
        (1e-9, 1e9, ["1e-09", "1e-05", "0.1", "1,000", "1e+07"]),
    ],
)
def test_logarithmic_ticks_are_decades_or_parts_of_one(
    low: float, high: float, expected: list[str]
) -> None:
    ticks = Scale(low, high, logarithmic=True).ticks()
    assert [text for _, text in ticks] == expected


def test_there_are_never_too_many_ticks() -> None:
    random = np.random.default_rng(0)
    for low, width in zip(
        random.normal(0, 100, 300), 10 ** random.uniform(-6, 6, 300), strict=True
    ):
        assert 2 <= len(round_numbers(low, low + width, 6)) <= 6


def test_an_axis_holds_strong_lines_whole_and_faint_ones_but_for_spikes() -> None:
    faint = np.concatenate([np.linspace(0, 1, 999), [1000.0]])
    scale = fit([np.array([0.5, 3.0, np.nan])], [faint])
    assert scale.low < 0.1
    assert 3 < scale.high < 4
    assert fit([np.array([2.0, 2.0])]) == Scale(1.0, 3.0)
    assert fit([np.array([0.0])]) == Scale(-1.0, 1.0)
    assert fit([np.array([np.nan])]) == Scale(0, 1)
    assert fit([]) == Scale(0, 1)


def test_without_positive_values_a_logarithmic_axis_is_linear() -> None:
    assert not fit([np.array([-1.0, 0.0])], logarithmic=True).logarithmic
    mixed = fit([np.array([-1.0, 0.1, 10.0])], logarithmic=True)
    assert mixed.logarithmic
    assert 0 < mixed.low < 0.1
    assert mixed.high > 10
