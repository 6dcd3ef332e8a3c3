"""The console while images are prepared."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gantool.reporting.figures import format_duration
from gantool.reporting.messages import say
from gantool.reporting.progress import ProgressDisplay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from gantool.reporting.streams import Level


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
    if level == "quiet":
        yield _ignore
        return
    shown, started = ProgressDisplay(console, clock, "images"), clock()
    shown.begin("preparing images")
    try:
        yield shown.reach
    finally:
        shown.close()
        if shown.total:
            of = "" if shown.done == shown.total else f" of {shown.total:,}"
            took = format_duration(clock() - started)
            say(console, f"prepared {shown.done:,}{of} images in {took}")


def _ignore(done: int, total: int) -> None:
    del done, total
