"""Axes of a chart: the values they show, where these stand, and which are written beside."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gantool.reporting.figures import format_tick

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
