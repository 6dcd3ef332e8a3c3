"""Every score that a run folder holds, with the protocol that it was obtained by."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gantool.evaluation.measuring import score_name
from gantool.evaluation.protocol import Protocol
from gantool.runs.records import JsonLines, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.recipe.schema import Recipe
    from gantool.runs.folder import RunFolder

BESIDE = ("step", "protocol", "non_finite")
"""Keys in a line of scores.jsonl that are no scores."""
SPREADS = ("/sd", "-sd")


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


def read_series(folder: RunFolder, recipe: Recipe | None) -> tuple[tuple[Series, ...], int]:
    """Return a run's scores: those of its evaluations, the newest first, then its training's.

    Args:
        folder: The run's folder.
        recipe: The run's recipe, which tells what scores made during training mean; None where it
            cannot be read.

    Returns:
        The scores, and how many lines are left out because they do not state their protocol.
    """
    found: dict[Key, dict[int, Reading]] = {}
    directions: dict[str, str] = {}
    left_out = 0
    for line, rows in [*reversed(list(_judged(folder))), *_trained(folder, recipe)]:
        protocol = _protocol(line)
        if protocol is None:
            left_out += 1
            continue
        for name, direction, options, reading in rows:
            readings = found.setdefault((name, options, protocol), {})
            known = readings.get(reading.step)
            if known is None or reading.seeds > known.seeds:
                readings[reading.step] = reading
            directions.setdefault(name, direction)
    series = [
        Series(name, directions[name], options, protocol, _in_order(readings))
        for (name, options, protocol), readings in found.items()
    ]
    return tuple(series), left_out


Row = tuple[str, str, str, Reading]
"""Name, direction, options and reading of a score."""


def _trained(
    folder: RunFolder, recipe: Recipe | None
) -> Iterator[tuple[Mapping[str, Any], list[Row]]]:
    """Yield each line of the scores made during training, and what it holds."""
    metrics = metrics_of(recipe)
    for line in JsonLines(folder.scores).read():
        values = {name: value for name, value in line.items() if name not in BESIDE}
        rows = [
            (name, *metrics.get(name.partition("/")[0], ("none", "{}")), reading)
            for name, value in values.items()
            if (reading := _reading(name, value, line["step"], values)) is not None
        ]
        yield line, [_without_direction(row) for row in rows]


def _judged(folder: RunFolder) -> Iterator[tuple[Mapping[str, Any], list[Row]]]:
    """Yield each line of the evaluations, and what it holds."""
    for line in JsonLines(folder.evaluations).read():
        found = line.get("scores")
        entries = (
            [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
        )
        means = {str(entry.get("name")): entry.get("mean") for entry in entries}
        rows = []
        for entry in entries:
            name = str(entry.get("name"))
            reading = _reading(name, entry.get("mean"), line["step"], means)
            if reading is None:
                continue
            options = json.dumps(entry.get("options", {}), sort_keys=True)
            rows.append((name, str(entry.get("direction")), options, _completed(reading, entry)))
        yield line, rows


def _completed(reading: Reading, entry: Mapping[str, Any]) -> Reading:
    """Return a reading with what an evaluation knows beyond the score."""
    seeds = entry.get("values")
    return replace(
        reading,
        sd=number(entry.get("sd")),
        floor=number(entry.get("floor")),
        seeds=len(seeds) if isinstance(seeds, list) else 1,
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


def _without_direction(row: Row) -> Row:
    """Return a row as it is, unless it is a spread: no direction of those is better."""
    name, direction, options, reading = row
    return (name, "none" if name.endswith(SPREADS) else direction, options, reading)


def _reading(name: str, value: object, step: int, beside: Mapping[str, object]) -> Reading | None:
    found = number(value)
    if found is None:
        return None
    spread = None if name.endswith(SPREADS) else f"{name.partition('/')[0]}/sd"
    return Reading(step, found, own_sd=number(beside.get(spread)) if spread else None)


def _protocol(line: Mapping[str, Any]) -> Protocol | None:
    """Return the protocol that a line states, without what is no obstacle to comparing."""
    try:
        return replace(Protocol.from_data(line["protocol"]), seeds=(), gantool="")
    except (TypeError, KeyError, ValueError):
        return None


def _in_order(readings: Mapping[int, Reading]) -> tuple[Reading, ...]:
    return tuple(readings[step] for step in sorted(readings))


def _rank(value: float, direction: str) -> float:
    """Return a value of which the least is the best."""
    return -value if direction == "higher" else value
