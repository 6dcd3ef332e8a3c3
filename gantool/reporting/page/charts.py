"""Line charts as SVG inside HTML: sharp at any width, in the colors of the page's theme."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from gantool.reporting.figures import format_tick
from gantool.reporting.page import render
from gantool.reporting.pictures.curves import smooth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

WIDTH, HEIGHT = 1000, 400
"""Units of the drawing, which is stretched to whatever place there is."""
COLUMNS = 250
"""A line is thinned out to at most four points in each of so many columns."""
ROOM = 1.015
"""Where dots are drawn, the horizontal axis goes on for a bit, so that the last one is whole."""
FEW = 12
"""Up to so many values are shown as dots too, and not smoothed."""
COLORS = tuple(f"series-{number}" for number in range(1, 9))


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Attributes:
        name: What the legend calls it.
        x: Where the values are, rising, [N].
        y: The values, [N]; the line has a gap where one is None, NaN or infinite.
        color: A color of the page's style: "discriminator", "generator", "series-1" to "series-8".
        extremes: Places and values that are drawn where `y` holds means of several, [M] each.
    """

    name: str
    x: Sequence[float] | Values
    y: Sequence[float | None] | Values
    color: str = "series-1"
    extremes: tuple[Values, Values] | None = None


@dataclass(frozen=True)
class Line:
    """A series as it is drawn: SVG paths of its values and of their moving mean."""

    name: str
    color: str
    raw: str
    strong: str
    dots: str


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    x_label: str = "epoch",
    logarithmic: bool = False,
    smoothed: bool = True,
    y_range: tuple[float, float] | None = None,
    guide: float | None = None,
    keys: bool = True,
) -> Markup:
    """Return a chart as HTML: its title and legend, an SVG, and the numbers beside the axes.

    Args:
        series: What to draw.
        title: Says what is drawn; whether it is smoothed, and on a log scale, is added.
        x_label: Says what the horizontal axis counts.
        logarithmic: Whether the vertical axis is, if any value is positive.
        smoothed: Whether each line is a moving mean, over its values drawn faintly.
        y_range: Ends of the vertical axis; by default such that the lines fit.
        guide: Value at which a dashed line is drawn across, if any.
        keys: Whether the lines are named beside the title.
    """
    curves = [_curve(each, smoothed=smoothed) for each in series]
    y_scale = Scale(*y_range) if y_range else _fitted(curves, logarithmic=logarithmic)
    ends = [float(curve.x[-1]) for curve in curves if curve.x.size]
    room = ROOM if any(curve.is_sparse for curve in curves) else 1
    x_scale = Scale(0, max([*ends, 0]) * room or 1)
    how = ["smoothed"] if any(curve.is_mean for curve in curves) else []
    how += ["log scale"] if y_scale.logarithmic else []
    chart = render(
        "chart.html",
        title=", ".join([title, *how]),
        keys=keys,
        lines=[_line(curve, x_scale, y_scale) for curve in curves],
        width=WIDTH,
        height=HEIGHT,
        x_ticks=x_scale.ticks(),
        y_ticks=y_scale.ticks(),
        x_label=x_label,
        guide=None if guide is None else float(y_scale.place(np.array(guide))),
    )
    return Markup(chart)  # the template has escaped every value


@dataclass(frozen=True)
class Curve:
    """A series in numbers: its values, and the line through them, which may be their mean.

    Where values are means of several, `across` and `y` hold the least and the greatest instead.
    """

    series: Series
    across: Values
    y: Values
    x: Values
    strong: Values
    is_mean: bool

    @property
    def is_sparse(self) -> bool:
        """Whether there are so few values that each is shown."""
        return int(np.isfinite(self.y).sum()) <= FEW


def _curve(series: Series, *, smoothed: bool) -> Curve:
    x, y = _column(series.x), _column(series.y)
    across, extremes = map(_column, series.extremes) if series.extremes else (x, y)
    curve = Curve(series, across, extremes, across, extremes, is_mean=False)
    if smoothed and not curve.is_sparse:
        return replace(curve, x=x, strong=smooth(y), is_mean=True)
    return curve


def _fitted(curves: Sequence[Curve], *, logarithmic: bool) -> Scale:
    strong, faint = [curve.strong for curve in curves], [curve.y for curve in curves]
    return fit(strong, faint, logarithmic=logarithmic)


def _line(curve: Curve, x_scale: Scale, y_scale: Scale) -> Line:
    across, y = x_scale.place(curve.across), y_scale.place(curve.y)
    return Line(
        curve.series.name,
        curve.series.color,
        raw=path(across, y) if curve.is_mean else "",
        strong=path(x_scale.place(curve.x), y_scale.place(curve.strong)),
        dots=dots(across, y) if curve.is_sparse else "",
    )


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


def dots(x: Values, y: Values) -> str:
    """Return points as lines without length, which round ends make visible."""
    return "".join(f"M{_point(a, b)}h0" for a, b in zip(x, y, strict=True) if np.isfinite(b))


def thinned(x: Values, y: Values) -> tuple[Values, Values]:
    """Return the points that show: in each column the first, lowest, highest and last.

    What a line of that width looks like is kept, extremes and gaps included (the M4 aggregation
    of Jugel et al. 2014).

    Args:
        x: Rising, 0 to 1, [N].
        y: [N].
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


def _column(values: Sequence[float | None] | Values) -> Values:
    column = np.array(values, dtype=np.float64)
    return np.where(np.isfinite(column), column, np.nan)


def _point(across: float, up: float) -> str:
    """Return a place in the drawing; far outside, it is brought near, where it shows no more."""
    down = min(max(1 - up, -9), 10)
    return f"{across * WIDTH:.5g},{down * HEIGHT:.5g}"


STEPS = (1, 2, 2.5, 5, 10)
MOST_TICKS = 6
MARGIN = 0.05
"""Share of an axis that is left free at both its ends."""
RARE = 0.005
"""Share of the faint values, at either end, that need not be in the picture."""


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`.

    Attributes:
        low: Value at its beginning.
        high: Value at its end, which is greater.
        logarithmic: Whether equal distances are equal ratios; then `low` is positive.
    """

    low: float
    high: float
    logarithmic: bool = False

    def place(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
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
        shown = [value for value in values if self.low <= value <= self.high]
        places = self.place(np.array(shown, dtype=np.float64))
        return [(float(at), format_tick(value)) for at, value in zip(places, shown, strict=True)]

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
    strong: Sequence[NDArray[np.float64]],
    faint: Sequence[NDArray[np.float64]] = (),
    *,
    logarithmic: bool = False,
) -> Scale:
    """Return the axis that holds all strong values, and all faint ones but the rarest.

    Where a logarithmic axis is asked for and no value is positive, it is linear.
    """
    kept = [_shown(values, logarithmic=logarithmic) for values in strong]
    kept += [
        np.quantile(some, [RARE, 1 - RARE])
        for values in faint
        if (some := _shown(values, logarithmic=logarithmic)).size
    ]
    values = np.concatenate([*kept, np.empty(0)])
    if not values.size:
        return fit(strong, faint) if logarithmic else Scale(0, 1)
    low, high = float(values.min()), float(values.max())
    if logarithmic:
        room = max((high / low) ** MARGIN, 1.05)
        return Scale(low / room, high * room, logarithmic=True)
    room = MARGIN * (high - low) or abs(high) / 2 or 1.0
    return Scale(low - room, high + room)


def _shown(values: NDArray[np.float64], *, logarithmic: bool) -> NDArray[np.float64]:
    finite = values[np.isfinite(values)]
    return finite[finite > 0] if logarithmic else finite
