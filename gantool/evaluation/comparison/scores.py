"""Every score that a run folder holds, with the protocol that it was obtained by."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gantool.evaluation.scoring.metrics import metrics_by_score
from gantool.runs.scores import Protocol, Scored

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.interfaces.metric import Metric
    from gantool.recipe.schema import Recipe
    from gantool.runs.history import RunHistory
    from gantool.runs.scores import Evaluation


@dataclass(frozen=True)
class Reading:
    """A score of one checkpoint: mean and standard deviation over the sampling seeds.

    `own_sd` is the spread that the metric itself gives, as that over subsets; `floor` the same
    score of one half of the real images against the other.
    """

    step: int
    value: float
    sd: float | None = None
    own_sd: float | None = None
    floor: float | None = None
    seeds: int = 1


@dataclass(frozen=True)
class Series:
    """The readings of one score in one run, one for each checkpoint, in the order of steps.

    Options are the metric's, as JSON; the protocol is without seeds and version, which may differ.
    """

    name: str
    direction: str
    options: str
    protocol: Protocol
    readings: tuple[Reading, ...]

    @property
    def final(self) -> Reading:
        """The reading of the last checkpoint."""
        return self.readings[-1]

    @property
    def best(self) -> Reading | None:
        """The best one; None where no direction is better."""
        if self.direction == "none":
            return None
        return min(self.readings, key=lambda reading: rank(reading.value, self.direction))


Key = tuple[str, str, Protocol]
"""A score, its metric's options and its protocol."""


def series_of(history: RunHistory, recipe: Recipe | None) -> tuple[tuple[Series, ...], int]:
    """Return a run's scores: those of its evaluations, the newest first, then its training's.

    The recipe says what scores of training mean, if it can be read. The number is of lines that
    are left out because they do not state their protocol.
    """
    metrics = {} if recipe is None else metrics_by_score(recipe)
    found: dict[Key, dict[int, Reading]] = {}
    directions: dict[str, str] = {}
    lines: list[Evaluation | Scored] = [*reversed(history.evaluations), *history.scores]
    for line in lines:
        if line.protocol is None:
            continue
        comparable = replace(line.protocol, seeds=(), gantool="")  # which may differ
        for name, direction, options, reading in _rows(line, metrics):
            readings = found.setdefault((name, options, comparable), {})
            known = readings.get(reading.step)
            if known is None or reading.seeds > known.seeds:
                readings[reading.step] = reading
            directions.setdefault(name, direction)
    series = [
        Series(
            name, directions[name], options, protocol, tuple(readings[n] for n in sorted(readings))
        )
        for (name, options, protocol), readings in found.items()
    ]
    return tuple(series), sum(line.protocol is None for line in lines)


def _rows(
    line: Evaluation | Scored, metrics: Mapping[str, Metric]
) -> Iterator[tuple[str, str, str, Reading]]:
    """Yield name, direction, options and reading of each score; spreads have no direction."""
    means = {score.name: score.mean for score in line.scores}
    for score in line.scores:
        if score.mean is None:
            continue
        metric = score.name.partition("/")[0]
        direction, options = score.direction, score.options
        if isinstance(line, Scored) and metric in metrics:
            direction, options = metrics[metric].direction, metrics[metric].model_dump(mode="json")
        own = None if score.is_spread else means.get(f"{metric}/sd")
        seeds = len(score.values) or 1
        reading = Reading(line.step, score.mean, score.sd, own, score.floor, seeds)
        said = json.dumps(options, sort_keys=True)
        yield score.name, "none" if score.is_spread else direction, said, reading


def rank(value: float, direction: str) -> float:
    """Return a value of which the least is the best."""
    return -value if direction == "higher" else value
