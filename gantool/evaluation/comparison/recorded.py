"""A run by its folder alone, without computing anything anew."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gantool.errors import GantoolError
from gantool.evaluation.comparison.scores import series_of
from gantool.evaluation.comparison.stability import stability_of
from gantool.recipe.documents import part_bearing_upon, plainly
from gantool.runs.curves import read_curves
from gantool.runs.documents import Damages
from gantool.runs.history import option, read_history
from gantool.runs.status import refuse_going

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gantool.evaluation.comparison.scores import Series
    from gantool.evaluation.comparison.stability import Stability
    from gantool.interfaces.loss import Loss
    from gantool.recipe.schema import Recipe
    from gantool.runs.curves import Curves
    from gantool.runs.folder import RunFolder
    from gantool.runs.history import RunHistory, Timing
    from gantool.runs.scores import Finding
    from gantool.runs.status import RunStatus
    from gantool.training.signs import Stakes


@dataclass(frozen=True)
class RecordedRun:
    """One run, as its folder has it.

    Attributes:
        folder: The folder.
        status: How far it came, and how it ended.
        document: The resolved recipe, plain data.
        loss: Its loss; None where what it names is not installed.
        stability: Figures of the game.
        epochs: Epochs completed at the last record.
        recorded_steps: Steps completed at the last record.
        ended_not_finite: Whether a figure of the last record was NaN or infinite.
        timing: How long it took.
        findings: What the health watcher found.
        series: Every score.
        without_protocol: Scores left out because nobody knows how they were obtained.
    """

    folder: RunFolder
    status: RunStatus
    document: Mapping[str, Any]
    loss: Loss | None
    stability: Stability
    epochs: float
    recorded_steps: int
    ended_not_finite: bool
    timing: Timing
    findings: Sequence[Finding]
    series: tuple[Series, ...]
    without_protocol: int = 0

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.path.resolve().name

    @property
    def seed(self) -> int:
        """Where every random number of the run started."""
        seed = self.option("training", "seed")
        return seed if isinstance(seed, int) else 0

    @property
    def step(self) -> int:
        """Steps completed: by the status, or the last record where a kill kept it from that."""
        return self.status.step

    @property
    def averages(self) -> bool:
        """Whether the run keeps an average of the generator's weights."""
        return self.option("ema", "half_life_images") is not None

    @property
    def trained(self) -> dict[str, Any]:
        """The part of the recipe that bears upon what was trained."""
        return part_bearing_upon(self.document, "training", "start")

    def option(self, table: str, name: str) -> Any:
        """Return an option of the recipe; None where its table or it is missing."""
        return option(self.document, table, name)

    def curves(self) -> Curves:
        """Read the figures once more: of many runs they are too many to be kept."""
        return read_curves(self.folder.metrics, Damages())

    @cached_property
    def stakes(self) -> Stakes | None:
        """Between which values the discriminator's loss can move; None where that is not known."""
        if self.loss is None:
            return None
        from gantool.training.health import stakes_of

        return stakes_of(self.loss)

    def found(self, sign: str) -> int | None:
        """Return the step at which the watcher last found something, or None."""
        steps = [finding.step for finding in self.findings if finding.sign == sign]
        return steps[-1] if steps else None


class RunReader:
    """Reads runs; a recipe that many seeds were trained with is checked once."""

    def __init__(self) -> None:
        self._recipes: dict[str, Recipe | None] = {}

    def read(self, folder: RunFolder) -> RecordedRun:
        """Read a run folder.

        Raises:
            UsageError: When the run is going on, or its status or recipe cannot be read.
        """
        refuse_going(folder)
        history = read_history(folder)
        recipe = self._recipe(history)
        series, without_protocol = series_of(history, recipe)
        return RecordedRun(
            folder=folder,
            status=history.status,
            document=plainly(history.document if recipe is None else _seeded(recipe, history)),
            loss=None if recipe is None else recipe.loss,
            stability=stability_of(history.curves),
            epochs=history.curves.epoch,
            recorded_steps=history.curves.step,
            ended_not_finite=history.curves.ended_not_finite,
            timing=history.timing,
            findings=history.findings,
            series=series,
            without_protocol=without_protocol,
        )

    def _recipe(self, history: RunHistory) -> Recipe | None:
        """Return the recipe; None where what it names is not installed, or it makes no sense."""
        from gantool.recipe.reading import read_recipe

        key = without_seed(history.document)
        if key not in self._recipes:
            try:
                self._recipes[key] = read_recipe(history.folder.recipe)
            except GantoolError:
                self._recipes[key] = None
        return self._recipes[key]


def without_seed(document: Mapping[str, Any]) -> str:
    """Return what a recipe says, seed aside, as text that is the same for the same."""
    training = document.get("training")
    if isinstance(training, dict):
        training = {name: value for name, value in training.items() if name != "seed"}
    return json.dumps({**document, "training": training}, sort_keys=True, default=str)


def _seeded(recipe: Recipe, history: RunHistory) -> Mapping[str, Any]:
    """Return a recipe that was read for another seed with the run's own."""
    seed = option(history.document, "training", "seed")
    if seed is None:
        return recipe.document
    return {**recipe.document, "training": {**recipe.document["training"], "seed": seed}}
