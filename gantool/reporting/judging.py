"""The console while a run is judged, and the table of what was found."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gantool.evaluation.scoring.metrics import metric_called
from gantool.reporting.messages import WARNING_STYLE, say
from gantool.reporting.progress import ProgressDisplay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import Console

    from gantool.evaluation.scoring.judgment import Judgment
    from gantool.reporting.streams import Level
    from gantool.runs.scores import Protocol

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
    if level == "quiet":
        yield _ignore
        return
    shown = ProgressDisplay(console, clock)

    def report(what: str, done: int, total: int) -> None:
        if what != shown.what:
            shown.begin(what)
        shown.reach(done, max(1, total))

    try:
        yield report
    finally:
        shown.close()


def _ignore(what: str, done: int, total: int) -> None:
    del what, done, total


def show_protocol(judgment: Judgment, console: Console) -> None:
    """Say how scores were obtained, and what they give reason to say."""
    names = [score.name for score in judgment.scores]
    for line in (*protocol_lines(judgment), *names_in_words(names, judgment.protocol)):
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
    yield (
        f"real vs real: {protocol.real // 2:,} training images against as many others, which is "
        "as good as a score gets"
    )


def names_in_words(names: Iterable[str], protocol: Protocol) -> Iterator[str]:
    """Yield which metrics scores are of, where they are called by another name."""
    for prefix in dict.fromkeys(name.partition("/")[0] for name in names):
        if (metric := metric_called(prefix, protocol.extractor.name)) is not None:
            yield f"{prefix}: metric '{metric}' with the features of {protocol.extractor.name}"
