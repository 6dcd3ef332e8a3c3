"""The outcome of an evaluation: scores with their spread, the noise floor, and the protocol."""

from __future__ import annotations

import math
import statistics
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gantool.runs.records import JsonLines

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool.runs.folder import RunFolder
    from gantool.runs.scores import Protocol


@dataclass(frozen=True)
class Score:
    """One number that a metric gives.

    Attributes:
        name: As in "fid/distance".
        direction: Which way is better: "lower", "higher" or "none".
        values: One for each sampling seed.
        floor: The same number for one half of the real images against the other; None where the
            halves are too small for the metric.
        options: The metric's options.
    """

    name: str
    direction: str
    values: tuple[float, ...]
    floor: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(self.values)

    @property
    def sd(self) -> float | None:
        """The sample standard deviation over the seeds; None for a single one."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data for JSON, which knows neither NaN nor infinity."""
        return {
            "name": self.name,
            "mean": _finite(self.mean),
            "sd": _finite(self.sd),
            "floor": _finite(self.floor),
            "direction": self.direction,
            "values": [_finite(value) for value in self.values],
            "options": dict(self.options),
        }


@dataclass(frozen=True)
class Judgment:
    """All scores of one checkpoint by one protocol.

    Attributes:
        step: Steps completed at the checkpoint.
        protocol: How the scores were obtained.
        scores: In the order of the metrics.
        remarks: What the scores give reason to say in words.
    """

    step: int
    protocol: Protocol
    scores: tuple[Score, ...]
    remarks: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "step": self.step,
            "protocol": self.protocol.as_data(),
            "scores": [score.as_data() for score in self.scores],
            "remarks": list(self.remarks),
        }

    def record(self, folder: RunFolder) -> None:
        """Append it to the evaluations of a run.

        Raises:
            OSError: When the file cannot be written.
        """
        evaluations = JsonLines(folder.evaluations)
        evaluations.cut_after(sys.maxsize)  # a line that a crash has torn
        evaluations.append(self.as_data())
        evaluations.sync()


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
