from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

import pytest

from gantool.reporting.console.progress import preparation_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from tests.reporting.conftest import FakeClock


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def prepare(console: Console, clock: FakeClock, until: int = 250) -> None:
    with preparation_progress(console, "normal", clock) as report:
        for done in range(1, until + 1):
            clock.advance(0.125)
            report(done, 250)


def test_a_log_tells_of_it_every_ten_seconds(log_console: Console, clock: FakeClock) -> None:
    prepare(log_console, clock)
    assert text(log_console).splitlines() == [
        "preparing images   1 of 250   starting",
        "preparing images   81 of 250   8 images/s   21 s left",
        "preparing images   161 of 250   8 images/s   11 s left",
        "preparing images   241 of 250   8 images/s   1 s left",
        "prepared 250 images in 31 s",
    ]


def test_nothing_to_prepare_shows_nothing(
    log_console: Console, screen_console: Callable[..., Console]
) -> None:
    for console in (log_console, screen_console()):
        with preparation_progress(console):
            pass
        assert text(console) == ""


def test_quiet_shows_nothing(log_console: Console) -> None:
    with preparation_progress(log_console, "quiet") as report:
        report(1, 2)
    assert text(log_console) == ""


@pytest.mark.parametrize("width", [20, 80])
def test_a_terminal_shows_a_bar_and_in_the_end_one_line(
    screen_console: Callable[..., Console], clock: FakeClock, width: int
) -> None:
    console = screen_console(width)
    threads = threading.active_count()
    with preparation_progress(console, "normal", clock) as report:
        for done in range(1, 122):
            clock.advance(0.125)
            report(done, 250)
        assert threading.active_count() == threads  # workers are forked meanwhile
        picture = text(console).rpartition("\x1b[2K")[2]
        for part in ("48%", "16 s left", "preparing images", "121 of 250", "8 images/s"):
            assert part in picture
    end = text(console).rpartition("\x1b[2K")[2]
    assert "prepared 121 of 250" in end.replace("\n", " ")
    assert "images in 15 s" in end.replace("\n", " ")
    assert "preparing" not in end


def fail_after_ten(console: Console, clock: FakeClock) -> None:
    with preparation_progress(console, "normal", clock) as report:
        report(10, 250)
        raise ZeroDivisionError


def test_an_error_leaves_the_terminal_as_it_was(
    screen_console: Callable[..., Console], clock: FakeClock
) -> None:
    console = screen_console()
    with pytest.raises(ZeroDivisionError):
        fail_after_ten(console, clock)
    assert text(console).rfind("\x1b[?25h") > text(console).rfind("\x1b[?25l")
    assert "prepared 10 of 250 images" in text(console)
