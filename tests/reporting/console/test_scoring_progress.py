from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from gantool.reporting.console.progress import scoring_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from tests.reporting.conftest import FakeClock


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def work(console: Console, clock: FakeClock, *, until: int) -> None:
    with scoring_progress(console, "normal", clock) as report:
        for what in ("drawing images", "real images"):
            for done in range(1, until + 1):
                clock.advance(0.25)
                report(what, done, 100)


def test_a_log_has_a_line_for_each_beginning_and_every_ten_seconds(
    log_console: Console, clock: FakeClock
) -> None:
    work(log_console, clock, until=90)
    assert text(log_console).splitlines() == [
        "drawing images   1 of 100   starting",
        "drawing images   41 of 100   15 s left",
        "drawing images   81 of 100   5 s left",
        "real images   1 of 100   starting",
        "real images   41 of 100   15 s left",
        "real images   81 of 100   5 s left",
    ]


def test_quiet_shows_nothing(log_console: Console) -> None:
    with scoring_progress(log_console, "quiet") as report:
        report("drawing images", 1, 2)
    assert text(log_console) == ""


@pytest.mark.parametrize("width", [30, 80])
def test_a_terminal_shows_a_bar_that_goes_away(
    screen_console: Callable[..., Console], clock: FakeClock, width: int
) -> None:
    console = screen_console(width)
    with scoring_progress(console, "normal", clock) as report:
        for done in range(1, 42):
            clock.advance(0.25)
            report("real images", done, 100)
        picture = text(console).rpartition("\x1b[2K")[2]
        for part in ("41%", "15 s left", "real images", "41 of 100"):
            assert part in picture
    end = text(console).rpartition("\x1b[2K")[2]
    assert "real images" not in end
    assert text(console).rfind("\x1b[?25h") > text(console).rfind("\x1b[?25l")
