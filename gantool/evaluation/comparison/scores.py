"""Every score that a run folder holds, with the protocol that it was obtained by."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gantool.evaluation.scoring.metrics import score_name
from gantool.runs.scores import SPREADS, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gantool.recipe.schema import Recipe
    from gantool.runs.history import RunHistory
    from gantool.runs.scores import Evaluation, Score, Scored


@dataclass(frozen=True)
class Reading:
    """A score of one checkpoint.

    Attributes:
        step: Steps completed at the checkpoint.
        value: The score: its mean where there were several sampling seeds.
        sd: Standard deviation over the sampling seeds, where there were several.
        own_sd: The spread that the metric itself gives, if it does, as that over subsets.
        floor: The same score of one half of the real images against the other, if known.
        seeds: Number of sampling seeds.
    """

    step: int
    value: float
    sd: float | None = None
    own_sd: float | None = None
    floor: float | None = None
    seeds: int = 1


@dataclass(frozen=True)
class Series:
    """All readings of one score by one protocol in one run.

    Attributes:
        name: As in "fid/distance".
        direction: Which way is better: "lower", "higher" or "none".
        options: The metric's options, as JSON.
        protocol: How it was obtained; seeds and version are left out, which are no obstacle.
        readings: One for each checkpoint, in the order of steps; the last says how the run ended.
    """

    name: str
    direction: str
    options: str
    protocol: Protocol
    readings: tuple[Reading, ...]

    @property
    def final(self) -> Reading:
        """That of the last checkpoint."""
        return self.readings[-1]

    @property
    def best(self) -> Reading | None:
        """The best one; None where no direction is better."""
        if self.direction == "none":
            return None
        return min(self.readings, key=lambda reading: _rank(reading.value, self.direction))


Key = tuple[str, str, Protocol]
"""A score, its metric's options and its protocol."""


def series_of(history: RunHistory, recipe: Recipe | None) -> tuple[tuple[Series, ...], int]:
    """Return a run's scores: those of its evaluations, the newest first, then its training's.

    Args:
        history: The run's.
        recipe: The run's recipe, which tells what scores made during training mean; None where it
            cannot be read.

    Returns:
        The scores, and how many lines are left out because they do not state their protocol.
    """
    metrics = metrics_of(recipe)
    lines: list[tuple[Protocol | None, Iterable[Row]]] = [
        *((line.protocol, _evaluated(line)) for line in reversed(history.evaluations)),
        *((line.protocol, _trained(line, metrics)) for line in history.scores),
    ]
    found: dict[Key, dict[int, Reading]] = {}
    directions: dict[str, str] = {}
    for protocol, rows in lines:
        if protocol is None:
            continue
        comparable = replace(protocol, seeds=(), gantool="")  # which are no obstacle
        for name, direction, options, reading in rows:
            readings = found.setdefault((name, options, comparable), {})
            known = readings.get(reading.step)
            if known is None or reading.seeds > known.seeds:
                readings[reading.step] = reading
            directions.setdefault(name, direction)
    series = [
        Series(name, directions[name], options, protocol, _in_order(readings))
        for (name, options, protocol), readings in found.items()
    ]
    return tuple(series), sum(protocol is None for protocol, _ in lines)


Row = tuple[str, str, str, Reading]
"""Name, direction, options and reading of a score."""


def _trained(line: Scored, metrics: Mapping[str, tuple[str, str]]) -> Iterator[Row]:
    """Yield the scores of a moment of training; no direction of a spread is better."""
    values = line.values
    for name, value in values.items():
        prefix = name.partition("/")[0]
        direction, options = metrics.get(prefix, ("none", "{}"))
        is_spread = name.endswith(SPREADS)
        own = None if is_spread else values.get(f"{prefix}/sd")
        reading = Reading(line.step, value, own_sd=own)
        yield name, "none" if is_spread else direction, options, reading


def _evaluated(line: Evaluation) -> Iterator[Row]:
    """Yield the scores of an evaluation."""
    for score in line.scores:
        if score.mean is not None:
            options = json.dumps(score.options, sort_keys=True)
            yield score.name, score.direction, options, _reading(score, score.mean, line)


def _reading(score: Score, mean: float, line: Evaluation) -> Reading:
    spread = f"{score.name.partition('/')[0]}/sd"
    return Reading(
        line.step,
        mean,
        sd=score.sd,
        own_sd=None if score.name.endswith(SPREADS) else line.means.get(spread),
        floor=score.floor,
        seeds=len(score.values) or 1,
    )


def metrics_of(recipe: Recipe | None) -> dict[str, tuple[str, str]]:
    """Return direction and options of the recipe's metrics, by what their scores are called."""
    if recipe is None:
        return {}
    extractor = None if recipe.extractor is None else recipe.extractor.name
    return {
        score_name(metric, extractor): (
            metric.direction,
            json.dumps(metric.model_dump(mode="json"), sort_keys=True),
        )
        for metric in recipe.metrics
    }


def _in_order(readings: Mapping[int, Reading]) -> tuple[Reading, ...]:
    return tuple(readings[step] for step in sorted(readings))


def _rank(value: float, direction: str) -> float:
    """Return a value of which the least is the best."""
    return -value if direction == "higher" else value
