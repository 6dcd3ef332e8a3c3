"""What a person sees while a run is judged, and what was found."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from gantool.reporting.dashboard import TABLE_WIDTH, progress_lines
from gantool.reporting.figures import format_duration
from gantool.reporting.messages import WARNING_STYLE, say
from gantool.reporting.pace import Pace, Throttle
from gantool.reporting.streams import is_live

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, ConsoleOptions, RenderResult

    from gantool.evaluation.judgment import Judgment
    from gantool.reporting.streams import Level

REDRAW_SECONDS = 0.1
LINE_SECONDS = 10.0
WEIGHTS = {"ema": "averaged", "raw": "raw"}


@contextmanager
def judging_progress(
    console: Console, level: Level = "normal", clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[str, int, int], None]]:
    """Show what is being done, one thing after another, until the context ends.

    Args:
        console: Where to draw.
        level: "quiet" shows nothing.
        clock: Seconds that only grow.

    Yields:
        What to call with the name of what is being done, how far it is and how far it will go.
    """
    shown = Judging(console, clock) if level != "quiet" else None
    try:
        yield shown.report if shown else _ignore
    finally:
        if shown:
            shown.close()


def _ignore(what: str, done: int, total: int) -> None:
    del what, done, total


class Judging:
    """A bar on a terminal; elsewhere a line when something begins, and now and then.

    It draws when told of progress and starts no thread.
    """

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console = console
        self._clock = clock
        self._picture = Live(self, console=console, auto_refresh=False, transient=True)
        self._what, self._done, self._total = "", 0, 1
        self._begin("")

    def report(self, what: str, done: int, total: int) -> None:
        """Take note of how far something is, and show it if it is time."""
        if what != self._what:
            self._begin(what)
        self._done, self._total = done, max(1, total)
        self._pace.reach(done)
        if is_live(self._console):
            self._picture.start()
        if self._due.ready():
            self._show()

    def close(self) -> None:
        """Take the bar away."""
        self._picture.stop()

    def _begin(self, what: str) -> None:
        self._what = what
        self._pace = Pace(self._clock)
        seconds = REDRAW_SECONDS if is_live(self._console) else LINE_SECONDS
        self._due = Throttle(seconds, self._clock)

    def _show(self) -> None:
        if is_live(self._console):
            self._picture.refresh()
        else:
            say(self._console, "   ".join([*self._counts(), self._remaining()]))

    def _counts(self) -> Iterator[str]:
        yield self._what
        yield f"{self._done:,} of {self._total:,}"

    def _remaining(self) -> str:
        seconds = self._pace.seconds_for(self._total - self._done)
        return "starting" if seconds is None else f"{format_duration(seconds)} left"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw for the width at hand."""
        yield from progress_lines(self._done, self._total, self._remaining(), options.max_width)
        separator = "   " if options.max_width >= TABLE_WIDTH else "\n"
        yield Text(separator.join(self._counts()))


def show_protocol(judgment: Judgment, console: Console) -> None:
    """Say how scores were obtained, and what they give reason to say."""
    for line in protocol_lines(judgment):
        say(console, (line, "dim"))
    for remark in judgment.remarks:
        say(console, ("note:", WARNING_STYLE), f" {remark}")


def protocol_lines(judgment: Judgment) -> Iterator[str]:
    """Yield what a reader must know of the scores, in words."""
    protocol = judgment.protocol
    seeds = ", ".join(map(str, protocol.seeds))
    yield (
        f"generated: {protocol.fake:,} images, {WEIGHTS[protocol.generator]} weights after "
        f"{judgment.step:,} steps, sampling seed{'s' * (len(protocol.seeds) > 1)} {seeds}"
    )
    held_out = f", {protocol.held_out:,} held out" if protocol.held_out else ""
    yield (
        f"real: {protocol.real:,} training images of '{protocol.dataset}'{held_out}, "
        f"{protocol.image}"
    )
    yield f"features: {protocol.extractor}; gantool {protocol.gantool}"
    yield f"real vs real: {protocol.real // 2:,} training images against as many others"
