"""The picture of a training run that a terminal shows: a few lines, at any width."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gantool.reporting.figures import LABELS, SCORES, figure_label, format_recorded, scores_in_words
from gantool.text import format_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console, ConsoleOptions, RenderResult

TABLE_WIDTH = 54
"""Columns from which both players fit side by side with their figures."""
TREND_WIDTHS = range(12, 49)
"""Characters that a trend may have; where fewer are left, there is none."""
COLUMN_GAP = 2
CELL_WIDTH = 20
FIGURE_WIDTH = 8
SCORE_WIDTH = len("D(real) 0.500")
MISSING = "-"
SHADES = "▁▂▃▄▅▆▇█"
BROKEN = "×"
"""Stands in a sparkline where a value was NaN or infinite."""
PLACES = 240
"""Stretches of a run that a trend tells apart."""
PLAYER_STYLES = {"discriminator": "cyan", "generator": "magenta"}


@dataclass
class Dashboard:
    """The picture of a run of `steps` and `epochs`, drawn anew with what the fields hold then.

    `remaining` stands beside the bar: the time left, or how the run ended. Figures are those of the
    newest record, scores the newest ones of the recipe's metrics, trends each player's loss and
    score over the run.
    """

    steps: int
    epochs: float
    device: str
    step: int = 0
    images_per_second: float | None = None
    remaining: str = "starting"
    figures: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    scored_step: int = 0
    trends: dict[str, Trend] = field(init=False)

    def __post_init__(self) -> None:
        losses = {f"{player}_loss": Trend(self.steps) for player in PLAYER_STYLES}
        scores = {name: Trend(self.steps, bounds=(0.0, 1.0)) for name in SCORES.values()}
        self.trends = losses | scores
        self.rewind(self.step)

    def rewind(self, step: int) -> None:
        """Go back to a step; what came later has not happened."""
        self.step = step
        if self.scored_step > step:
            self.scores = {}
        for trend in self.trends.values():
            trend.rewind(step)

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Take the figures of the log interval that ended with `step`."""
        self.figures = figures
        for name, trend in self.trends.items():
            if (value := figures.get(name)) is not None:
                trend.add(step, value)

    def score(self, step: int, scores: Mapping[str, float]) -> None:
        """Take what the recipe's metrics say of a step."""
        self.scores, self.scored_step = scores, step

    def names(self) -> list[str]:
        """Return the names of all figures: first what every run has, then what this one adds."""
        return [*LABELS, *(name for name in self.figures if name not in LABELS)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw for the width at hand."""
        yield from progress_lines(self.step, self.steps, self.remaining, options.max_width)
        if options.max_width >= TABLE_WIDTH:
            yield Text("   ".join(self._counts()))
            yield self._players(0 if options.ascii_only else trend_width(options.max_width))
            yield from self._extras()
        else:
            yield from (Text(count) for count in self._counts())
            yield self._cells(columns=max(1, (options.max_width + 2) // (CELL_WIDTH + 2)))
        if self.scores:
            words = scores_in_words(self.scores)
            yield Text(f"scores after step {self.scored_step:,}: {words}", overflow="fold")
        yield Text(self.device, style="dim", overflow="fold")

    def _counts(self) -> Iterator[str]:
        epoch = self.epochs * self.step / self.steps
        yield f"step {self.step:,} of {self.steps:,}"
        yield f"epoch {format_epoch(epoch)} of {format_epoch(self.epochs)}"
        if self.images_per_second is not None:
            yield f"{self.images_per_second:,.0f} images/s"

    def _players(self, width: int) -> Table:
        """Return one row for each player: loss, D(x) of its images, gradient norm, and trends."""
        table = Table(box=None, pad_edge=False, padding=(0, COLUMN_GAP, 0, 0), header_style="dim")
        table.add_column("")
        table.add_column("loss", justify="right", min_width=FIGURE_WIDTH)
        if width:
            table.add_column("over the run", no_wrap=True, min_width=width)
        table.add_column("score", no_wrap=True, min_width=SCORE_WIDTH)
        if width:
            table.add_column("from 0 to 1", no_wrap=True, min_width=width)
        table.add_column("gradient", justify="right", min_width=FIGURE_WIDTH)
        for player, style in PLAYER_STYLES.items():
            names = f"{player}_loss", SCORES[player]
            loss, score = map(self._figure, names)
            cells = [loss, Text.assemble(LABELS[names[1]], " ", score)]
            if width:
                over, within = (self.trends[name].sparkline(width) for name in names)
                cells = [cells[0], Text(over, style), cells[1], Text(within, style)]
            table.add_row(Text(player, style), *cells, self._figure(f"{player}_gradient_norm"))
        return table

    def _extras(self) -> Iterator[Text]:
        """Yield a line with the figures that have no column, such as penalties."""
        if names := self.names()[len(LABELS) :]:
            pairs = [Text.assemble(figure_label(name), " ", self._figure(name)) for name in names]
            yield Text("   ").join(pairs)

    def _cells(self, columns: int) -> Table:
        """Return every figure beside its name, in so many columns of pairs."""
        grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        for _ in range(columns):
            grid.add_column(width=CELL_WIDTH)
        cells = [self._cell(name) for name in self.names()]
        for start in range(0, len(cells), columns):
            grid.add_row(*cells[start : start + columns])
        return grid

    def _cell(self, name: str) -> Text:
        figure = self._figure(name)
        label = Text(figure_label(name))
        label.truncate(CELL_WIDTH - 1 - len(figure), overflow="ellipsis", pad=True)
        return Text.assemble(label, " ", figure)

    def _figure(self, name: str) -> Text:
        """Return a value as text, red where it is NaN or infinite."""
        if (value := self.figures.get(name)) is None:
            return Text(MISSING)
        style = "" if math.isfinite(value) else "bold red"
        return Text(format_recorded(name, value), style)


def trend_width(width: int) -> int:
    """Return the characters of each of the two trends in a table; 0 where they are left out."""
    others = len("discriminator") + SCORE_WIDTH + 2 * FIGURE_WIDTH
    left = (width - others - 5 * COLUMN_GAP) // 2
    return min(left, TREND_WIDTHS[-1]) if left >= TREND_WIDTHS[0] else 0


def progress_lines(done: int, total: int, remaining: str, width: int) -> Iterator[Table | Text]:
    """Yield a bar with its percentage, and what remains beside it or, where it is narrow, below."""
    narrow = width < TABLE_WIDTH
    row = Table.grid(padding=(0, 2, 0, 0), expand=True, pad_edge=False)
    row.add_column(ratio=1)
    row.add_column(justify="right", no_wrap=True, min_width=len("100%"))
    if not narrow:
        row.add_column(justify="right", no_wrap=True, min_width=len("59 min 59 s left"))
    bar, percentage = ProgressBar(total, done, complete_style="green"), f"{100 * done // total}%"
    row.add_row(bar, percentage, *[] if narrow else [remaining])
    yield row
    if narrow:
        yield Text(remaining)


def plain_line(dashboard: Dashboard) -> str:
    """Return what the dashboard shows in one line, for logs."""
    step, steps, pace = dashboard.step, dashboard.steps, dashboard.images_per_second
    parts = [f"step {step}/{steps}", f"epoch {format_epoch(dashboard.epochs * step / steps)}"]
    parts += [
        f"{figure_label(name)} {format_recorded(name, dashboard.figures[name])}"
        for name in dashboard.names()
        if name in dashboard.figures
    ]
    parts += [] if pace is None else [f"{pace:.0f} images/s"]
    return "  ".join([*parts, dashboard.remaining])


class Trend:
    """One figure over the whole run in a few characters: the mean of each stretch of steps.

    The bounds are those of the lowest and the highest bar, by default the least and largest mean.
    """

    def __init__(self, steps: int, bounds: tuple[float, float] | None = None) -> None:
        self._steps = steps
        self._bounds = bounds
        self._step = 0
        self._sums = [0.0] * PLACES
        self._counts = [0] * PLACES

    def add(self, step: int, value: float) -> None:
        """Take the figure of the interval that ended with `step`."""
        for place in range(self._step * PLACES // self._steps, self._last_place(step) + 1):
            self._sums[place] += value
            self._counts[place] += 1
        self._step = step

    def rewind(self, step: int) -> None:
        """Forget the stretches after `step`; the next interval starts there."""
        for place in range(self._last_place(step) + 1, PLACES):
            self._sums[place], self._counts[place] = 0.0, 0
        self._step = step

    def sparkline(self, width: int) -> str:
        """Return the means as so many bars; blank where there is none yet."""
        means = [self._mean(place, width) for place in range(width)]
        finite = [mean for mean in means if mean is not None and math.isfinite(mean)]
        low, high = self._bounds or (min(finite, default=0.0), max(finite, default=0.0))
        return "".join(" " if mean is None else _shade(mean, low, high) for mean in means)

    def _last_place(self, step: int) -> int:
        """Return the place of what ends with a step; -1 before the first."""
        return (step * PLACES - 1) // self._steps

    def _mean(self, place: int, width: int) -> float | None:
        """Return the mean of one of `width` equal parts, or None where there is no figure."""
        first = place * PLACES // width
        part = slice(first, max(first + 1, (place + 1) * PLACES // width))
        count = sum(self._counts[part])
        return sum(self._sums[part]) / count if count else None


def _shade(mean: float, low: float, high: float) -> str:
    if not math.isfinite(mean):
        return BROKEN
    if high == low:
        return SHADES[len(SHADES) // 2]
    height = min(1.0, max(0.0, (mean - low) / (high - low)))
    return SHADES[round(height * (len(SHADES) - 1))]
