"""What a run noted of its time."""

from __future__ import annotations

from typing import Any

import pytest

from gantool.runs.documents import number
from gantool.runs.history import timing_of
from tests.curves import curves_of


def test_figures_of_the_intervals() -> None:
    timing = timing_of(
        curves_of(
            [
                {"step": 10, "seconds": 5, "images_per_second": 30.0, "peak_memory_bytes": 7},
                {"step": 30, "seconds": 2.0, "images_per_second": 10.0, "peak_memory_bytes": 9},
                {"step": 40, "seconds": 2.0, "images_per_second": 20.0, "peak_memory_bytes": 8},
            ]
        )
    )
    assert timing.seconds == 9.0
    assert timing.seconds_per_step == 0.2  # of 0.5, 0.1 and 0.2
    assert timing.images_per_second == 20.0
    assert timing.peak_memory_bytes == 9


def test_what_is_no_number_is_passed_over() -> None:
    odd: tuple[Any, ...] = ("4", None, True, float("inf"), [1])
    lines = [{"step": 10 * n, "seconds": value} for n, value in enumerate(odd, 1)]
    known = {"step": 60, "seconds": 3.0, "images_per_second": 8.0}
    timing = timing_of(curves_of([*lines, known]))
    assert (timing.seconds, timing.seconds_per_step) == (3.0, 0.3)
    assert (timing.images_per_second, timing.peak_memory_bytes) == (8.0, None)
    nothing = timing_of(curves_of(lines))
    assert (nothing.seconds, nothing.seconds_per_step) == (None, None)
    assert (nothing.images_per_second, nothing.peak_memory_bytes) == (None, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1.0),
        (0.5, 0.5),
        (True, None),
        ("1", None),
        (None, None),
        (float("nan"), None),
        (10**25, 1e25),
        (10**400, None),
        (1e308, None),
    ],
)
def test_numbers(value: Any, expected: float | None) -> None:
    assert number(value) == expected
