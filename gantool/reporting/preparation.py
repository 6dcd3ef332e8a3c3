"""What a person sees while images are prepared."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from gantool.reporting.dashboard import TABLE_WIDTH, progress_lines
from gantool.reporting.figures import format_duration
from gantool.reporting.messages import say
from gantool.reporting.pace import Pace, Throttle
from gantool.reporting.streams import is_live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from gantool.reporting.streams import Level

REDRAW_SECONDS = 0.1
LINE_SECONDS = 10.0


@contextmanager
def preparation_progress(
    console: Console, level: Level = "normal", clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int, int], None]]:
    """Show how the preparation of images goes on, from the first report to the end of the context.

    Args:
        console: Where to draw.
        level: "quiet" shows nothing.
        clock: Seconds that only grow.

    Yields:
        What to call with the images prepared so far and the images in all. Where nothing is to be
        prepared it is never called, and nothing is shown.
    """
    shown = Preparation(console, clock) if level != "quiet" else None
    try:
        yield shown.report if shown else _ignore
    finally:
        if shown:
            shown.close()


def _ignore(done: int, total: int) -> None:
    del done, total


class Preparation:
    """A bar on a terminal, lines elsewhere; it draws when told of progress and starts no thread.

    (Worker processes are forked meanwhile, which a thread that holds a lock would not survive.)
    """

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._started = clock()
        self._pace = Pace(clock)
        self._picture = Live(self, console=console, auto_refresh=False, transient=True)
        self._due = Throttle(REDRAW_SECONDS if is_live(console) else LINE_SECONDS, clock)
        self._done = self._total = 0

    def report(self, done: int, total: int) -> None:
        """Take note of `done` of `total` images, and show it if it is time."""
        self._done, self._total = done, total
        self._pace.reach(done)
        if is_live(self._console):
            self._picture.start()
        if self._due.ready():
            self._show()

    def close(self) -> None:
        """Take the bar away and say what was done."""
        self._picture.stop()
        if self._total:
            took = format_duration(self._clock() - self._started)
            of = "" if self._done == self._total else f" of {self._total:,}"
            say(self._console, f"prepared {self._done:,}{of} images in {took}")

    def _show(self) -> None:
        if is_live(self._console):
            self._picture.refresh()
        else:
            say(self._console, "   ".join([*self._counts(), self._remaining()]))

    def _counts(self) -> Iterator[str]:
        yield "preparing images"
        yield f"{self._done:,} of {self._total:,}"
        if (pace := self._pace.steps_per_second()) is not None:
            yield f"{pace:,.0f} images/s"

    def _remaining(self) -> str:
        seconds = self._pace.seconds_for(self._total - self._done)
        return "starting" if seconds is None else f"{format_duration(seconds)} left"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw for the width at hand."""
        yield from progress_lines(
            self._done, max(1, self._total), self._remaining(), options.max_width
        )
        separator = "   " if options.max_width >= TABLE_WIDTH else "\n"
        yield Text(separator.join(self._counts()))
