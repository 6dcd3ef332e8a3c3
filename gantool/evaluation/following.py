"""Judge as something else was judged, so that the scores can be compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from gantool.errors import GantoolError, UsageError
from gantool.evaluation.measuring import score_name
from gantool.evaluation.protocol import PIXELS, Protocol
from gantool.registry.catalog import installed
from gantool.runs.folder import RunFolder
from gantool.runs.records import JsonLines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.evaluation.trained import TrainedRun
    from gantool.interfaces.metric import Metric


@dataclass(frozen=True)
class Example:
    """How something was judged before.

    Attributes:
        place: The run or the file that says so.
        protocol: What it says.
        metrics: By which metrics, with their options; none where it does not say.
    """

    place: Path
    protocol: Protocol
    metrics: tuple[Metric, ...] = ()

    def settings(self, run: TrainedRun) -> tuple[str, ...]:
        """Return what to put over a run's recipe, so that pictures are drawn in the same way.

        A run that keeps no average of its weights has one generator only.
        """
        statistics = f'sampling.batch_statistics="{self.protocol.batch_statistics}"'
        if run.recipe.tables.ema.half_life_images is None:
            return (statistics,)
        return (statistics, f'sampling.weights="{self.protocol.generator}"')

    def refuse_unmet(self, run: TrainedRun, protocol: Protocol) -> None:
        """Refuse a run that cannot be judged so.

        Args:
            run: The run.
            protocol: The one by which it would be judged.

        Raises:
            UsageError: When its scores would not be comparable; it says what differs.
        """
        unmet = self.protocol.differences(protocol)
        if run.recipe.tables.ema.half_life_images is None:
            unmet = tuple(each for each in unmet if not each.startswith("generator: "))
        if unmet:
            lines = "\n".join(f"  {each}" for each in unmet)
            raise UsageError(
                f"run {run.folder.path} cannot be judged as {self.place} was:\n{lines}",
                "judge both by something that they share, or compare them with --apart",
            )


def read_example(place: Path) -> Example:
    """Read how something was judged.

    Args:
        place: A run folder, whose newest evaluation counts, or the newest scores of its training;
            or a JSON file with a protocol, as `gantool evaluate --json` prints it.

    Raises:
        UsageError: When it does not say.
    """
    line = _newest(RunFolder(place)) if place.is_dir() else _file(place)
    try:
        protocol = Protocol.from_data(line.get("protocol", line))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{place} does not say how it was judged", f"judge it first: gantool evaluate {place}"
        ) from error
    return Example(place, protocol, tuple(_metrics(line, protocol)))


def _newest(folder: RunFolder) -> Mapping[str, Any]:
    """Return the last evaluation of a run, or the last scores of its training; or nothing."""
    lines = [*JsonLines(folder.scores).read(), *JsonLines(folder.evaluations).read()]
    stated = [line for line in lines if "protocol" in line]
    if not stated:
        return {}
    if "scores" in stated[-1]:
        return stated[-1]
    return {**stated[-1], "scores": _entries(folder, stated[-1])}


def _entries(folder: RunFolder, line: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return scores of a training as an evaluation has them, with the options of the recipe."""
    from gantool.evaluation.comparison.scores import metrics_of
    from gantool.recipe.reading import read_recipe

    try:
        known = metrics_of(read_recipe(folder.recipe))
    except GantoolError:
        return []
    of_metric = {name: known[prefix] for name in line if (prefix := name.split("/")[0]) in known}
    return [
        {"name": name, "options": json.loads(options)} for name, (_, options) in of_metric.items()
    ]


def _file(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read as a protocol: {error}",
            "give a run folder, or what gantool evaluate --json printed",
        ) from error
    return found if isinstance(found, dict) else {}


def _metrics(line: Mapping[str, Any], protocol: Protocol) -> Iterator[Metric]:
    """Yield the metrics whose scores a line holds, as far as they are installed."""
    extractor = None if protocol.extractor.name == PIXELS else protocol.extractor.name
    scores = line.get("scores")
    entries = [e for e in scores if isinstance(e, dict)] if isinstance(scores, list) else []
    options = {str(each.get("name")).partition("/")[0]: each.get("options") for each in entries}
    for offer in installed().of_kind("metric"):
        for name, said in options.items():
            try:
                metric: Any = offer.component.model_validate_json(json.dumps(said or {}))
            except ValidationError:  # options of another metric
                continue
            if score_name(metric, extractor) == name:
                yield metric
