"""Line charts as SVG inside HTML: sharp at any width, in the colors of the page's theme."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from gantool.reporting.figures import format_tick
from gantool.reporting.page import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool.runs.curves import Values

WIDTH, HEIGHT = 1000, 400
"""Units of the drawing, which is stretched to whatever place there is."""
COLUMNS = 250
"""A line is thinned out to at most four points in each of so many columns."""
ROOM = 1.015
"""Where dots are drawn, the horizontal axis goes on for a bit, so that the last one is whole."""
FEW = 12
"""Up to so many values are shown as dots too, and not smoothed."""
COLORS = tuple(f"series-{number}" for number in range(1, 9))
"""Of the page's style."""
STRETCHES = 50
"""A smoothed line is a mean over about one of so many parts of the run."""
STEPS = (1, 2, 2.5, 5, 10)
MOST_TICKS = 6
MARGIN = 0.05
"""Share of an axis that is left free at both its ends."""
RARE = 0.005
"""Share of the faint values, at either end, that need not be in the picture."""
LARGEST = 1e100
"""What is larger counts as infinite, and what is smaller than its inverse as 0, so that axes can be
computed."""


@dataclass(frozen=True)
class Line:
    """A line of a chart through values `y`, [N], at rising places `x`, [N].

    It has a gap where a value is None, NaN or infinite. Its color is one of the page's style:
    "discriminator", "generator", "series-1" to "series-8". Where `y` holds means of several, the
    extremes are the places and values that are drawn, [M] each.
    """

    name: str
    x: Sequence[float] | Values
    y: Sequence[float | None] | Values
    color: str = COLORS[0]
    extremes: tuple[Values, Values] | None = None


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    logarithmic: bool = False,
    smoothed: bool = True,
    y_range: tuple[float, float] | None = None,
    guide: float | None = None,
    keys: bool = True,
) -> Markup:
    """Return a chart over epochs as HTML: title and legend, an SVG, and the numbers at the axes.

    The title is told whether lines are smoothed (moving means, over their values drawn faintly) and
    on a log scale (if any value is positive). By default the vertical axis holds all lines. A
    dashed line is drawn across at `guide`; `keys` names the lines beside the title.
    """
    drawn = [_draw(line, smoothed=smoothed) for line in lines]
    strong, faint = [each.strong for each in drawn], [each.faint for each in drawn]
    y_scale = Scale(*y_range) if y_range else fit(strong, faint, logarithmic=logarithmic)
    end = max([0.0, *(float(each.x.max()) for each in drawn if each.x.size)])
    x_scale = Scale(0, end * (ROOM if any(each.is_sparse for each in drawn) else 1) or 1)
    how = ["smoothed"] * any(each.is_mean for each in drawn)
    how += ["log scale"] * y_scale.logarithmic
    chart = render(
        "chart.html",
        title=", ".join([title, *how]),
        keys=keys,
        lines=[each.paths(x_scale, y_scale) for each in drawn],
        width=WIDTH,
        height=HEIGHT,
        x_ticks=x_scale.ticks(),
        y_ticks=y_scale.ticks(),
        guide=None if guide is None else float(y_scale.place(np.array(guide))),
    )
    return Markup(chart)  # the template has escaped every value


@dataclass(frozen=True)
class _Drawn:
    """A line in numbers: its values, drawn faintly, and the strong line, which may be their mean.

    Where values are means of several, the faint ones are the least and the greatest.
    """

    line: Line
    across: Values
    faint: Values
    x: Values
    strong: Values
    is_mean: bool

    @property
    def is_sparse(self) -> bool:
        """Whether there are so few values that each is shown."""
        return int(np.isfinite(self.faint).sum()) <= FEW

    def paths(self, x_scale: Scale, y_scale: Scale) -> dict[str, str]:
        """Return what the template draws."""
        across, faint = x_scale.place(self.across), y_scale.place(self.faint)
        places = zip(across, faint, strict=True)
        # lines without length, which round ends make visible
        dots = "".join(f"M{_point(x, y)}h0" for x, y in places if np.isfinite(y))
        return {
            "name": self.line.name,
            "color": self.line.color,
            "raw": path(across, faint) if self.is_mean else "",
            "strong": path(x_scale.place(self.x), y_scale.place(self.strong)),
            "dots": dots if self.is_sparse else "",
        }


def _draw(line: Line, *, smoothed: bool) -> _Drawn:
    x, y = _points(line.x, line.y)
    across, faint = _points(*line.extremes) if line.extremes else (x, y)
    plain = _Drawn(line, across, faint, across, faint, is_mean=False)
    if smoothed and not plain.is_sparse:
        return _Drawn(line, across, faint, x, smooth(y), is_mean=True)
    return plain


def _points(
    x: Sequence[float] | Values, y: Sequence[float | None] | Values
) -> tuple[Values, Values]:
    """Return the points that have a place; where a value is not known, NaN stands."""
    places, values = _known(x), _known(y)
    placed = np.isfinite(places)
    return places[placed], values[placed]


def _known(values: Sequence[float | None] | Values) -> Values:
    array = np.array(values, dtype=np.float64)
    size = np.abs(array)
    return np.where(size <= LARGEST, np.where(size < 1 / LARGEST, 0.0, array), np.nan)


def smooth(values: Values) -> Values:
    """Return the moving mean under a Hann window, which passes over NaN and leaves it in place."""
    width = max(1, len(values) // STRETCHES) | 1  # odd, so that the mean is centered
    known = np.isfinite(values)
    window = np.hanning(width + 2)[1:-1]  # without the zeros at its ends
    sums = np.convolve(np.where(known, values, 0), window, mode="same")
    counts = np.convolve(known, window, mode="same")
    return np.where(known, sums / np.where(known, counts, 1), np.nan)


def path(x: Values, y: Values) -> str:
    """Return points, from 0 to 1 to the right and up, as the data of an SVG path.

    It has a gap where a point is not finite.
    """
    x, y = thinned(x, y)
    parts, connected = [], False
    for across, up in zip(x, y, strict=True):
        known = bool(np.isfinite(up))
        if known:
            parts.append(f"{'L' if connected else 'M'}{_point(across, up)}")
        connected = known
    return "".join(parts)


def _point(across: float, up: float) -> str:
    """Return a place in the drawing; far outside, it is brought near, where it shows no more."""
    down = min(max(1 - up, -9), 10)
    return f"{across * WIDTH:.5g},{down * HEIGHT:.5g}"


def thinned(x: Values, y: Values) -> tuple[Values, Values]:
    """Return the points that show: in each column the first, lowest, highest and last.

    What a line of that width looks like is kept, extremes and gaps included (the M4 aggregation
    of Jugel et al. 2014). x rises from 0 to 1.
    """
    if len(x) <= 4 * COLUMNS:
        return x, y
    column = np.minimum((x * COLUMNS).astype(np.int64), COLUMNS - 1)
    kept: set[int] = set()
    for rows in np.split(np.arange(len(x)), np.flatnonzero(np.diff(column)) + 1):
        kept |= {int(rows[0]), int(rows[-1])}
        known = rows[np.isfinite(y[rows])]
        if known.size < rows.size:
            kept.add(int(rows[~np.isfinite(y[rows])][0]))
        if known.size:
            kept |= {int(known[y[known].argmin()]), int(known[y[known].argmax()])}
    rows = np.array(sorted(kept))
    return x[rows], y[rows]


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`; where it is logarithmic, both are positive."""

    low: float
    high: float
    logarithmic: bool = False

    def place(self, values: Values) -> Values:
        """Return where values stand, from 0 to 1 inside the axis; NaN where they cannot."""
        if not self.logarithmic:
            return (values - self.low) / (self.high - self.low)
        positive = np.where(values > 0, values, np.nan)
        return np.log(positive / self.low) / math.log(self.high / self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Return where values are written, from 0 to 1, and how; they are round numbers."""
        values = self._decades() if self.logarithmic else []
        if len(values) < 2:
            values = round_numbers(self.low, self.high, MOST_TICKS)
        kept = [value for value in values if self.low <= value <= self.high]
        places = self.place(np.array(kept, dtype=np.float64))
        return [(float(at), format_tick(value)) for at, value in zip(places, kept, strict=True)]

    def _decades(self) -> list[float]:
        """Return powers of ten, with 2 and 5 between them or only every so many of them."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        for factors in ((1, 2, 5), (1, 3), (1,)):
            values = [f * 10.0**power for power in range(first, last + 1) for f in factors]
            inside = [value for value in values if self.low <= value <= self.high]
            if len(inside) <= MOST_TICKS:
                return inside
        return inside[:: -(-len(inside) // MOST_TICKS)]


def round_numbers(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` multiples of a round number between two values."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(f * power for f in STEPS if f * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    # 17 * 0.1 is not 1.7
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)][:most]


def fit(
    strong: Sequence[Values], faint: Sequence[Values] = (), *, logarithmic: bool = False
) -> Scale:
    """Return the axis that holds all strong values, and all faint ones but the rarest.

    Where a logarithmic axis is asked for and no value is positive, it is linear.
    """
    bound = 0.0 if logarithmic else -math.inf
    kept = [values[np.isfinite(values) & (values > bound)] for values in (*strong, *faint)]
    rarer = [np.quantile(some, [RARE, 1 - RARE]) for some in kept[len(strong) :] if some.size]
    values = np.concatenate([*kept[: len(strong)], *rarer, np.empty(0)])
    if not values.size:
        return fit(strong, faint) if logarithmic else Scale(0, 1)
    low, high = float(values.min()), float(values.max())
    if logarithmic:
        room = max((high / low) ** MARGIN, 1.05)
        return Scale(low / room, high * room, logarithmic=True)
    room = MARGIN * (high - low) or abs(high) / 2 or 1.0
    return Scale(low - room, high + room)
