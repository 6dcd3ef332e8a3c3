"""What a run noted of its time."""

from __future__ import annotations

from typing import Any

import pytest

from gantool.runs.records import number
from gantool.runs.timing import Timing


def test_figures_of_the_intervals() -> None:
    timing = Timing(
        [
            {"step": 10, "seconds": 5, "images_per_second": 30.0, "peak_memory_bytes": 7},
            {"step": 30, "seconds": 2.0, "images_per_second": 10.0, "peak_memory_bytes": 9},
            {"step": 40, "seconds": 2.0, "images_per_second": 20.0, "peak_memory_bytes": 8},
        ]
    )
    assert timing.seconds == 9.0
    assert timing.seconds_per_step == 0.2  # of 0.5, 0.1 and 0.2
    assert timing.images_per_second == 20.0
    assert timing.peak_memory_bytes == 9


def test_what_is_no_number_is_passed_over() -> None:
    odd: tuple[Any, ...] = ("4", None, True, float("inf"), [1])
    lines = [{"step": 10 * n, "seconds": value} for n, value in enumerate(odd, 1)]
    known = {"step": 60, "seconds": 3.0, "images_per_second": 8.0}
    timing = Timing([*lines, known])
    assert (timing.seconds, timing.seconds_per_step) == (3.0, 0.3)
    assert (timing.images_per_second, timing.peak_memory_bytes) == (8.0, None)
    nothing = Timing(lines)
    assert (nothing.seconds, nothing.seconds_per_step) == (None, None)
    assert (nothing.images_per_second, nothing.peak_memory_bytes) == (None, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1.0), (0.5, 0.5), (True, None), ("1", None), (None, None), (float("nan"), None)],
)
def test_numbers(value: Any, expected: float | None) -> None:
    assert number(value) == expected
