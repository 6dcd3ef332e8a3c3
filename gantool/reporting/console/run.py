"""The console while a run goes on: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.text import Text
from typing_extensions import override

from gantool.reporting.console.dashboard import TABLE_WIDTH, Dashboard, plain_line
from gantool.reporting.console.messages import is_live, say
from gantool.reporting.console.pixels import Thumbnails, lay_out, shows_pixels
from gantool.reporting.console.progress import Pace, Picture, Throttle
from gantool.reporting.figures import format_duration, scores_in_words
from gantool.text import format_epoch
from gantool.training.observers import Observer, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType
    from typing import Any, Literal

    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from gantool.reporting.console.messages import Level
    from gantool.runs.curves import Curves
    from gantool.runs.folder import RunFolder

REDRAW_SECONDS = 0.5
"""Least time between two pictures; drawing takes about a hundredth of it."""
LINE_SECONDS = 10.0
"""Least time between two lines of a log."""
LEAST_HEIGHT, MOST_HEIGHT = 6, 24
"""Lines that a picture of samples may have."""


class ConsoleObserver(Observer):
    """Shows a training run; a context manager that leaves the terminal as it was.

    It draws between steps and starts no thread, so nothing of it competes with a step. Samples
    are drawn once, above what is drawn again and again, and scroll away when newer ones come.
    "quiet" shows nothing, "verbose" every record as a line.
    """

    def __init__(
        self,
        console: Console,
        level: Level = "normal",
        *,
        steps: int,
        epochs: float,
        images_per_step: int,
        device: str,
        start_step: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._images_per_step = images_per_step
        self._clock = clock
        self._started = clock()
        self._pace = Pace(clock)
        self._board = Dashboard(steps, epochs, device, step=start_step)
        self._live = level != "quiet" and is_live(console)
        self._lines = level != "quiet" and not self._live
        self._every_line = level == "verbose"
        self._picture = Picture(self._board, console=console, auto_refresh=False)
        self._picture_due = Throttle(REDRAW_SECONDS, clock)
        self._line_due = Throttle(LINE_SECONDS, clock)
        self._unsaid = False  # the newest record has not been printed as a line

    def __enter__(self) -> Self:
        board = self._board
        self._started = self._clock()
        if self._live:
            self._picture.start(refresh=True)
        if self._lines:
            since = f" from step {board.step}" if board.step else ""
            steps = "1 step" if board.steps == 1 else f"{board.steps} steps"
            epochs = format_epoch(board.epochs)
            say(self._console, f"training{since}: {steps}, {epochs} epochs, on {board.device}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        board, took = self._board, format_duration(self._clock() - self._started)
        board.remaining = f"{'done in' if board.step >= board.steps else 'stopped after'} {took}"
        if self._live:
            self._picture.stop()
        if self._lines and self._unsaid:
            self._say_line()
        elif self._lines:
            say(self._console, f"step {board.step}/{board.steps}  {board.remaining}")

    def recall(self, curves: Curves) -> None:
        """Draw the curves of what an earlier process has recorded, up to where this one starts."""
        start = self._board.step
        self._board.rewind(0)
        for step, figures in curves.points():
            if step <= start:
                self._board.record(step, figures)
        self._board.rewind(start)

    def show_samples(self, step: int, images: NDArray[np.uint8]) -> None:
        """Show images of a step, uint8 [N, H, W, C], where the terminal has the colors for it."""
        console, board = self._console, self._board
        if not self._live or not shows_pixels(console) or console.width < TABLE_WIDTH:
            return
        left = console.height - len(console.render_lines(board, pad=False)) - 2
        if left < LEAST_HEIGHT:
            return
        layout = lay_out(images.shape[:3], console.width, 2 * min(left, MOST_HEIGHT))
        if layout is not None:
            epoch = format_epoch(board.epochs * step / board.steps)
            caption = Text(f"samples after step {step:,}, epoch {epoch}", style="dim")
            console.print(Group(caption, Thumbnails(images, layout)), end="")

    def show_scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Show what the recipe's metrics say of a step."""
        self._board.score(step, scores)
        if self._lines:
            words = scores_in_words(scores)
            say(self._console, f"scores after step {step}/{self._board.steps}  {words}")

    @override
    def restored(self, step: int, memory: Mapping[str, Any]) -> None:
        """Go back with the training."""
        if step != self._board.step:
            self._board.rewind(step)
            self._pace = Pace(self._clock)

    @override
    def after_step(self, step: int) -> None:
        self._board.step = step
        self._pace.reach(step)
        self._redraw()

    @override
    def at_log(self, record: Record) -> None:
        self._board.record(record.step, record.values)
        self._unsaid = True
        self._redraw()
        if self._every_line or (self._lines and self._line_due.ready()):
            self._estimate()
            self._say_line()

    def _redraw(self) -> None:
        if self._live and self._picture_due.ready():
            self._estimate()
            self._picture.refresh()

    def _estimate(self) -> None:
        """Bring the pace and the time left up to date."""
        board = self._board
        if (pace := self._pace.steps_per_second()) is not None:
            board.images_per_second = pace * self._images_per_step
            board.remaining = f"{format_duration((board.steps - board.step) / pace)} left"

    def _say_line(self) -> None:
        self._unsaid = False
        say(self._console, plain_line(self._board))


def show_outcome(
    folder: RunFolder,
    outcome: Literal["completed", "stopped"],
    step: int,
    console: Console,
    level: Level = "normal",
) -> None:
    """Say where the results of a run are and, unless "quiet", what can be done next."""
    made = [("run", folder.path), *(("samples", grid) for _, grid in folder.sample_grids()[-1:])]
    made += [("curves", folder.curves)] if folder.curves.is_file() else []
    made += [("report", folder.report)] if folder.report.is_file() else []
    if level != "quiet":
        say(console)
        if scores := _last_scores(folder, step):
            say(console, ("scores   ", "bold"), scores)
    for label, path in made:
        say(console, (f"{label:<9}", "bold"), _nearby(path))
    if level != "quiet":
        say(console, "\n", ("next", "bold"))
        for command, purpose in _next_commands(folder, outcome, step):
            say(console, (f"  {command}", "cyan"), (f"   {purpose}", "dim"))


def _last_scores(folder: RunFolder, step: int) -> str:
    """Return the scores of a step by the recipe's metrics, in a line; nothing where it has none."""
    from gantool.runs.documents import Damages
    from gantool.runs.scores import Scored, read_records

    newest = read_records(folder.scores, Scored, Damages(), most=1)
    return " ".join(scores_in_words(each.values) for each in newest if each.step == step)


def _next_commands(folder: RunFolder, outcome: str, step: int) -> Iterator[tuple[str, str]]:
    """Yield commands that make sense now, each with its purpose."""
    run = shlex.quote(_nearby(folder.path))
    yield f"gantool sample {run}", "draw new pictures"
    if outcome == "completed":
        yield f"gantool resume {run} --steps {2 * step}", "train further"
    else:
        yield f"gantool resume {run}", f"go on from step {step:,}"


def _nearby(path: Path) -> str:
    """Return the path as seen from the working folder, if it is in there."""
    absolute, here = Path(os.path.abspath(path)), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else path)
