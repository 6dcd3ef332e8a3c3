"""An earlier evaluation that others follow, so that scores can be compared."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from gantool.errors import GantoolError, UsageError
from gantool.evaluation.scoring.metrics import metrics_by_score, score_name
from gantool.interfaces.metric import Metric
from gantool.registry.catalog import installed
from gantool.runs.documents import MOST_BYTES, checked
from gantool.runs.folder import RunFolder
from gantool.runs.scores import PIXELS, Evaluation, Printed, Protocol, Scored, read_scores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.evaluation.sampling.trained import TrainedRun


@dataclass(frozen=True)
class Example:
    """An earlier evaluation, read from a run or file; no metrics where they are not known."""

    place: Path
    protocol: Protocol
    metrics: tuple[Metric, ...] = ()

    def settings(self, run: TrainedRun) -> tuple[str, ...]:
        """Return settings over a run's recipe by which pictures are drawn in the same way.

        A run that keeps no average of its weights has one generator only.
        """
        statistics = f'sampling.batch_statistics="{self.protocol.batch_statistics}"'
        if run.recipe.tables.ema.half_life_images is None:
            return (statistics,)
        return (statistics, f'sampling.weights="{self.protocol.generator}"')

    def refuse_unmet(self, run: TrainedRun, protocol: Protocol) -> None:
        """Refuse a run that would be evaluated by another protocol.

        Raises:
            UsageError: When its scores would not be comparable; it says what differs.
        """
        unmet = self.protocol.differences(protocol)
        if run.recipe.tables.ema.half_life_images is None:
            unmet = tuple(each for each in unmet if not each.startswith("generator: "))
        if unmet:
            lines = "\n".join(f"  {each}" for each in unmet)
            raise UsageError(
                f"run {run.folder.path} cannot be evaluated as {self.place} was:\n{lines}",
                "evaluate both by something that they share, or compare them with --apart",
            )


def read_example(place: Path) -> Example:
    """Read how a run was last evaluated, or scored in training, or what `evaluate --json` printed.

    Raises:
        UsageError: When that does not say.
    """
    protocol, metrics = _newest(RunFolder(place)) if place.is_dir() else _file(place)
    if protocol is None or not protocol.seeds:
        raise UsageError(
            f"{place} does not say how it was evaluated",
            f"evaluate it first: gantool evaluate {place}",
        )
    return Example(place, protocol, metrics)


Stated = tuple[Protocol | None, tuple[Metric, ...]]
"""A protocol, and the metrics of the scores that were obtained by it."""


def _newest(folder: RunFolder) -> Stated:
    """Return protocol and metrics of the last evaluation, or else of the last training scores."""
    evaluations, scored = read_scores(folder)
    if evaluations:
        return evaluations[-1].protocol, tuple(_metrics(evaluations[-1]))
    if scored:
        return scored[-1].protocol, tuple(_metrics_of_recipe(folder, scored[-1]))
    return None, ()


def _metrics_of_recipe(folder: RunFolder, line: Scored) -> Iterator[Metric]:
    """Yield the metrics that the recipe names, of a training's scores."""
    from gantool.recipe.reading import read_recipe

    names = {name.partition("/")[0] for name in line.values}
    with suppress(GantoolError):
        known = metrics_by_score(read_recipe(folder.recipe))
        yield from (metric for name, metric in known.items() if name in names)


def _file(path: Path) -> Stated:
    """Return them of a printed evaluation, or of a protocol alone; the file may be a pipe."""
    way_out = "give a run folder, or what gantool evaluate --json printed"
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES)
        line: Printed = checked(text, path, Printed)
        if line.protocol is not None:
            return line.protocol, tuple(_metrics(line))
        return checked(text, path, Protocol), ()
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"{path} cannot be read as a protocol: {why}", way_out) from error
    except UsageError as error:
        said = error.message.replace("cannot be read", "cannot be read as a protocol", 1)
        raise UsageError(said, way_out) from error


def _metrics(line: Evaluation) -> Iterator[Metric]:
    """Yield the metrics whose scores were taken, as far as they are installed."""
    looked_with = None if line.protocol is None else line.protocol.extractor.name
    options = {score.name.partition("/")[0]: score.options for score in line.scores}
    for offer in installed().of_kind("metric"):
        for name, said in options.items():
            try:
                metric: Any = offer.component.model_validate_json(json.dumps(said))
            except ValidationError:  # options of another metric
                continue
            if score_name(metric, None if looked_with == PIXELS else looked_with) == name:
                yield metric
