from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gantool.reporting.console.progress import Pace, Throttle

if TYPE_CHECKING:
    from tests.reporting.conftest import FakeClock


def test_the_pace_leaves_the_first_step_out(clock: FakeClock) -> None:
    pace = Pace(clock)
    clock.advance(30)  # warming up
    pace.reach(1)
    assert pace.steps_per_second() is None
    assert pace.seconds_for(100) is None
    for step in range(2, 12):
        clock.advance(0.25)
        pace.reach(step)
    assert pace.steps_per_second() == pytest.approx(4.0)
    assert pace.seconds_for(100) == pytest.approx(25.0)


def test_the_pace_forgets_what_is_older_than_its_window(clock: FakeClock) -> None:
    pace = Pace(clock, window_seconds=60.0)
    step = 0
    for seconds_per_step, seconds in ((0.1, 120), (0.05, 61)):
        for _ in range(round(seconds / seconds_per_step)):
            clock.advance(seconds_per_step)
            step += 1
            pace.reach(step)
    assert pace.steps_per_second() == pytest.approx(20.0, rel=0.01)


def test_steps_slower_than_the_window_have_a_pace(clock: FakeClock) -> None:
    pace = Pace(clock, window_seconds=60.0)
    for step in range(1, 5):
        clock.advance(90)
        pace.reach(step)
    assert pace.steps_per_second() == pytest.approx(1 / 90)


def test_a_million_steps_cost_little_memory(clock: FakeClock) -> None:
    pace = Pace(clock)
    for step in range(100_000):
        clock.advance(0.001)
        pace.reach(step)
    assert len(pace._marks) <= 130
    assert pace.steps_per_second() == pytest.approx(1000.0)


def test_a_clock_that_stands_still_gives_no_pace(clock: FakeClock) -> None:
    pace = Pace(clock)
    pace.reach(1)
    pace.reach(2)
    assert pace.steps_per_second() is None


def test_a_throttle_opens_at_once_and_then_after_its_time(clock: FakeClock) -> None:
    throttle = Throttle(10.0, clock)
    opened = []
    for second in range(25):
        if throttle.ready():
            opened.append(second)
        clock.advance(1.0)
    assert opened == [0, 10, 20]
