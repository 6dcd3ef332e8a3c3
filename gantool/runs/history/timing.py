"""Time and memory of a run, by what it noted of each log interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gantool.runs.history.curves import Curves, Values


@dataclass(frozen=True)
class Timing:
    """Time and memory of the log intervals.

    Attributes:
        seconds: Time spent on training; None where none was noted.
        seconds_per_step: Typical time of a step: the median over the log intervals, or over the
            points of a run with many.
        images_per_second: Typical pace: the median over the same.
        peak_memory_bytes: Most memory that a process took, on the device where there is one, if
            that was noted.
    """

    seconds: float | None = None
    seconds_per_step: float | None = None
    images_per_second: float | None = None
    peak_memory_bytes: int | None = None


def timing_of(curves: Curves) -> Timing:
    """Return what the lines of timing.jsonl come to."""
    import numpy as np

    seconds, memory = curves.curve("seconds"), curves.curve("peak_memory_bytes")
    if not curves:
        return Timing()
    steps = np.diff(curves.steps, prepend=0)
    spent = seconds.means * seconds.counts
    return Timing(
        seconds=seconds.total if seconds.is_known else None,
        seconds_per_step=_median(spent[steps > 0] / steps[steps > 0]),
        images_per_second=_median(curves.means("images_per_second")),
        peak_memory_bytes=int(np.nanmax(memory.highs)) or None if memory.is_known else None,
    )


def _median(values: Values) -> float | None:
    """Return the median of those above zero, or None where there are none."""
    import numpy as np

    known = values[values > 0]
    return float(np.median(known)) if known.size else None
