"""How long a run took, by what it noted of each log interval."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from gantool.runs.records import JsonLines, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gantool.runs.folder import RunFolder


@dataclass(frozen=True)
class Timing:
    """Time and memory of the log intervals; what is no number is passed over.

    Attributes:
        lines: One for each interval.
    """

    lines: Sequence[Mapping[str, Any]]

    @property
    def seconds(self) -> float | None:
        """Time spent on training; None where none was noted."""
        found = list(self._values("seconds"))
        return sum(found) if found else None

    @property
    def seconds_per_step(self) -> float | None:
        """Typical time of a step: the median over the log intervals."""
        steps = [b - a for a, b in pairwise([0, *(line["step"] for line in self.lines)])]
        taken = [number(line.get("seconds")) or 0.0 for line in self.lines]
        return _median(s / n for s, n in zip(taken, steps, strict=True) if n > 0)

    @property
    def images_per_second(self) -> float | None:
        """Typical pace: the median over the log intervals."""
        return _median(self._values("images_per_second"))

    @property
    def peak_memory_bytes(self) -> int | None:
        """Most memory that a process took, on the device where there is one, if that was noted."""
        return int(max(self._values("peak_memory_bytes"), default=0.0)) or None

    def _values(self, name: str) -> Iterator[float]:
        return (value for line in self.lines if (value := number(line.get(name))) is not None)


def read_timing(folder: RunFolder) -> Timing:
    """Read what a run noted."""
    return Timing(tuple(JsonLines(folder.timing).read()))


def _median(values: Iterator[float]) -> float | None:
    """Return the median of those above zero, or None where there are none."""
    known = [value for value in values if value > 0]
    return median(known) if known else None
