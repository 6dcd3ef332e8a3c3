"""The course of a game, in figures taken from its curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gantool.runs.curves import Curves, Values

STRETCHES = 40
"""Parts of the late half whose medians are looked at, so that sudden one-epoch collapses, of which
every GAN has some, do not count."""
FEWEST_STRETCHES = 8
"""Fewer points than these make no trend."""
END = 0.1
"""Share of the run, at its end, over which its last losses are taken: single records jump."""
WIDE_GAP = 0.9
"""D(real) - D(fake) beyond which the discriminator is nearly always right: 0.95 and 0.05."""
ROBUST_SD = 1.4826
"""Standard deviations of a normal distribution in one median absolute deviation."""


@dataclass(frozen=True)
class LateTrend:
    """A straight line through the second half of a curve.

    Attributes:
        start: Its value in the middle of the run.
        end: Its value at the end of the run.
        spread: Robust standard deviation of the curve about it.
        epochs: Epochs that it spans.
    """

    start: float
    end: float
    spread: float
    epochs: float

    @property
    def rise(self) -> float:
        """How far it climbs; negative where it falls."""
        return self.end - self.start

    @property
    def level(self) -> float:
        """Its height at half of its length."""
        return (self.start + self.end) / 2

    @property
    def slope(self) -> float:
        """Its rise in an epoch."""
        return self.rise / self.epochs if self.epochs else 0.0


@dataclass(frozen=True)
class Stability:
    """Figures of one run's game; None where its records do not have them.

    Attributes:
        discriminator_loss: Median at the end of the run.
        generator_loss: Median at the end of the run.
        trend: Of the generator's loss late in training.
        gap: Median of D(real) - D(fake) at the end of the run.
        wide_gap: Share of the run in which D(real) - D(fake) was wide.
        not_finite: Records with a NaN or an infinity.
    """

    discriminator_loss: float | None
    generator_loss: float | None
    trend: LateTrend | None
    gap: float | None
    wide_gap: float | None
    not_finite: int


def stability_of(curves: Curves) -> Stability:
    """Return the figures of a run's game; those of a long run are taken from its points."""
    gaps = curves.means("real_score") - curves.means("fake_score")
    losses = curves.means("generator_loss")
    return Stability(
        discriminator_loss=_at_the_end(curves.means("discriminator_loss")),
        generator_loss=_at_the_end(losses),
        trend=late_trend(losses, curves.epochs),
        gap=_at_the_end(gaps),
        wide_gap=_wide_gap(gaps),
        not_finite=curves.not_finite,
    )


def late_trend(values: Values, epochs: Values) -> LateTrend | None:
    """Return the line through the second half of a curve, or None where that is too short.

    Values are NaN where there is none. The slope is the median of the slopes of all pairs of
    stretches (Theil 1950, Sen 1968), so that almost a third of them may be outliers.
    """
    import numpy as np

    late = slice(len(values) // 2, None)
    known = np.isfinite(values[late]) & np.isfinite(epochs[late])
    values, epochs = values[late][known], epochs[late][known]
    if len(values) < FEWEST_STRETCHES:
        return None
    parts = np.array_split(np.arange(len(values)), min(STRETCHES, len(values)))
    heights = np.array([np.median(values[part]) for part in parts])
    places = np.array([epochs[part].mean() for part in parts])
    first, second = np.triu_indices(len(parts), 1)
    runs = places[second] - places[first]
    if not np.all(runs > 0):
        return None
    slope = np.median((heights[second] - heights[first]) / runs)
    offset = np.median(heights - slope * places)
    spread = ROBUST_SD * np.median(np.abs(heights - slope * places - offset))
    start, end = (float(offset + slope * place) for place in (epochs[0], epochs[-1]))
    return LateTrend(start, end, float(spread), float(epochs[-1] - epochs[0]))


def _at_the_end(values: Values) -> float | None:
    """Return the median of the last tenth of a curve."""
    import numpy as np

    last = values[-max(1, round(END * len(values))) :]
    known = last[np.isfinite(last)]
    return float(np.median(known)) if known.size else None


def _wide_gap(gaps: Values) -> float | None:
    import numpy as np

    known = gaps[np.isfinite(gaps)]
    return float(np.mean(known > WIDE_GAP)) if known.size else None
