"""Progress of some work: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.control import Control
from rich.live import Live
from rich.text import Text
from typing_extensions import override

from gantool.reporting.console.dashboard import TABLE_WIDTH, progress_lines
from gantool.reporting.console.messages import is_live, say
from gantool.reporting.figures import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from gantool.reporting.console.messages import Level

REDRAW_SECONDS = 0.1
LINE_SECONDS = 10.0


class Picture(Live):
    """A picture drawn again and again in one place, when told to.

    A terminal that becomes narrower breaks the lines it shows, and nobody is told into how many:
    what is there is then wiped, and the picture is drawn at the top.
    """

    _size: tuple[int, ...] | None = None

    @override
    def refresh(self) -> None:
        size = tuple(self.console.size)
        if self._size not in (None, size):
            self.console.control(Control.home(), Control.clear())
        self._size = size
        super().refresh()


class Pace:
    """Steps a second over the last minute, so that the estimate is calm and still follows change.

    The time before the first completed step is left out: it is spent on warming up.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, window_seconds: float = 60.0
    ) -> None:
        self._clock = clock
        self._window = window_seconds
        self._marks: deque[tuple[float, int]] = deque()  # (seconds, steps), oldest first

    def reach(self, step: int) -> None:
        """Note that `step` steps are completed now."""
        now = self._clock()
        if len(self._marks) > 1 and now - self._marks[-2][0] < self._window / 120:
            self._marks.pop()  # the newest mark moves along until it is worth keeping
        self._marks.append((now, step))
        while len(self._marks) > 2 and now - self._marks[1][0] >= self._window:
            self._marks.popleft()

    def steps_per_second(self) -> float | None:
        """Return the pace, or None while there is nothing to measure it by."""
        if len(self._marks) < 2:
            return None
        (start, first), (end, last) = self._marks[0], self._marks[-1]
        return (last - first) / (end - start) if end > start and last > first else None

    def seconds_for(self, steps: int) -> float | None:
        """Return how long so many steps will take, or None while that is unknown."""
        pace = self.steps_per_second()
        return None if pace is None else steps / pace


class Throttle:
    """Lets something happen at most once in so many seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next = clock()

    def ready(self) -> bool:
        """Return whether it is time; if so, the wait begins anew."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class ProgressDisplay:
    """A bar on a terminal; elsewhere a line when something begins, and now and then.

    It draws when told of progress and starts no thread: worker processes are forked meanwhile,
    which a thread that holds a lock would not survive. With a `unit`, it shows how many of it are
    done in a second.
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
        live = is_live(self._console)
        if live:
            self._picture.start()
        if self._due.ready():
            if live:
                self._picture.refresh()
            else:
                say(self._console, "   ".join([*self._counts(), self._remaining()]))

    def close(self) -> None:
        """Take the bar away."""
        self._picture.stop()

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


@contextmanager
def preparation_progress(
    console: Console, level: Level = "normal", clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int, int], None]]:
    """Show how the preparation of images goes on, until the context ends.

    Yields:
        What to call with the images prepared so far and the images in all. Where nothing is to be
        prepared it is never called, and nothing is shown.
    """
    if level == "quiet":
        yield _ignore
        return
    display, started = ProgressDisplay(console, clock, "images"), clock()
    display.begin("preparing images")
    try:
        yield display.reach
    finally:
        display.close()
        if display.total:
            of = "" if display.done == display.total else f" of {display.total:,}"
            took = format_duration(clock() - started)
            say(console, f"prepared {display.done:,}{of} images in {took}")


@contextmanager
def scoring_progress(
    console: Console, level: Level = "normal", clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[str, int, int], None]]:
    """Show what is being done, one thing after another, until the context ends.

    Yields:
        What to call with the name of what is being done, how far it is and how far it will go.
    """
    if level == "quiet":
        yield _ignore
        return
    display = ProgressDisplay(console, clock)

    def reach(what: str, done: int, total: int) -> None:
        if what != display.what:
            display.begin(what)
        display.reach(done, max(1, total))

    try:
        yield reach
    finally:
        display.close()


def _ignore(*progress: object) -> None:
    del progress
