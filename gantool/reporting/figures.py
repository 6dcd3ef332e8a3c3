"""Numbers written for people: figures, durations, names, a trend in one line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PENALTY = "penalty/"
SHADES = "▁▂▃▄▅▆▇█"
LABELS = {
    "discriminator_loss": "D loss",
    "generator_loss": "G loss",
    "real_score": "D(real)",
    "fake_score": "D(fake)",
    "discriminator_gradient_norm": "D gradient",
    "generator_gradient_norm": "G gradient",
}
"""Short names of what every run records."""
SCORES = {"discriminator": "real_score", "generator": "fake_score"}
"""The recorded probability that tells most about a player: D(x) of its images."""
BROKEN = "×"
"""Stands in a sparkline where a value was NaN or infinite."""
PLACES = 240
"""Stretches of a run that a trend tells apart."""


def format_figure(value: float) -> str:
    """Return a number in at most eight characters, with four or five digits that matter."""
    size = abs(value)
    if not math.isfinite(value):
        return str(value)
    if size >= 99_999 or 0 < size < 1e-3:
        return f"{value:.1e}"
    decimals = 4 if size < 10 else 3 if size < 100 else 2 if size < 1e3 else 1
    return f"{value:.{decimals}f}"


def format_recorded(name: str, value: float) -> str:
    """Return a recorded figure as its name asks: probabilities with three decimals."""
    return f"{value:.3f}" if name in SCORES.values() else format_figure(value)


def format_tick(value: float) -> str:
    """Return a round number as it stands beside an axis."""
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-4:
        return f"{value:.3g}"
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def format_duration(seconds: float) -> str:
    """Return a time in its two leading units, as in "4 h 50 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def format_epoch(epoch: float) -> str:
    """Return an epoch with one decimal, or none where it is whole, or two in the first epoch."""
    if 0 < epoch < 0.95:
        return f"{epoch:.2f}"
    return f"{epoch:,.0f}" if float(f"{epoch:.1f}").is_integer() else f"{epoch:,.1f}"


def figure_label(name: str) -> str:
    """Return how a recorded figure is called in short, as in "r1 penalty"."""
    if name.startswith(PENALTY):
        return f"{name.removeprefix(PENALTY)} penalty"
    return LABELS.get(name, name.replace("_", " "))


def scores_in_words(scores: Mapping[str, float]) -> str:
    """Return scores by name in a line, as in "fid/distance 12.345"."""
    return "  ".join(f"{name} {format_figure(value)}" for name, value in scores.items())


class Trend:
    """One figure over the whole run in a few characters: the mean of each stretch of steps.

    Args:
        steps: Steps of the whole run.
        bounds: What the lowest and the highest bar stand for; by default the least and the largest
            mean.
    """

    def __init__(self, steps: int, bounds: tuple[float, float] | None = None) -> None:
        self._steps = steps
        self._bounds = bounds
        self._step = 0
        self._sums = [0.0] * PLACES
        self._counts = [0] * PLACES

    def add(self, step: int, value: float) -> None:
        """Take the figure of the interval that ended with `step`."""
        for place in range(self._place(self._step), self._last_place(step) + 1):
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

    def _place(self, step: int) -> int:
        return step * PLACES // self._steps

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
