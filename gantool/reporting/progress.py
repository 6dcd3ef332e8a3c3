"""Progress of some work: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from gantool.reporting.dashboard import TABLE_WIDTH, progress_lines
from gantool.reporting.figures import format_duration
from gantool.reporting.messages import say
from gantool.reporting.pace import Pace, Throttle
from gantool.reporting.picture import Picture
from gantool.reporting.streams import is_live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

REDRAW_SECONDS = 0.1
LINE_SECONDS = 10.0


class ProgressDisplay:
    """A bar on a terminal; elsewhere a line when something begins, and now and then.

    It draws when told of progress and starts no thread: worker processes are forked meanwhile,
    which a thread that holds a lock would not survive.

    Args:
        console: Where to draw.
        clock: Seconds that only grow.
        unit: What is counted, to show how many of it are done in a second; "" shows no pace.

    Attributes:
        what: What is being done.
        done: How far it is.
        total: How far it will go.
    """

    def __init__(self, console: Console, clock: Callable[[], float], unit: str = "") -> None:
        self._console, self._clock, self._unit = console, clock, unit
        self._picture = Picture(self, console=console, auto_refresh=False, transient=True)
        self.begin("")

    def begin(self, what: str) -> None:
        """Start with something, at nothing."""
        self.what, self.done, self.total = what, 0, 0
        self._pace = Pace(self._clock)
        seconds = REDRAW_SECONDS if is_live(self._console) else LINE_SECONDS
        self._due = Throttle(seconds, self._clock)

    def reach(self, done: int, total: int) -> None:
        """Take note of how far it is, and show it if it is time."""
        self.done, self.total = done, total
        self._pace.reach(done)
        if is_live(self._console):
            self._picture.start()
        if self._due.ready():
            self._show()

    def close(self) -> None:
        """Take the bar away."""
        self._picture.stop()

    def _show(self) -> None:
        if is_live(self._console):
            self._picture.refresh()
        else:
            say(self._console, "   ".join([*self._counts(), self._remaining()]))

    def _counts(self) -> Iterator[str]:
        yield self.what
        yield f"{self.done:,} of {self.total:,}"
        if self._unit and (pace := self._pace.steps_per_second()) is not None:
            yield f"{pace:,.0f} {self._unit}/s"

    def _remaining(self) -> str:
        seconds = self._pace.seconds_for(self.total - self.done)
        return "starting" if seconds is None else f"{format_duration(seconds)} left"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw for the width at hand."""
        total = max(1, self.total)
        yield from progress_lines(self.done, total, self._remaining(), options.max_width)
        separator = "   " if options.max_width >= TABLE_WIDTH else "\n"
        yield Text(separator.join(self._counts()))
