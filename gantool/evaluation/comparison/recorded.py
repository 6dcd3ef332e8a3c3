"""What a run folder tells of its run, without computing anything anew."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gantool.errors import GantoolError, RecipeError, UsageError
from gantool.evaluation.comparison.scores import read_series
from gantool.evaluation.comparison.stability import Stability, stability_of
from gantool.recipe.naming import plainly
from gantool.runs.going import refuse_going
from gantool.runs.records import JsonLines, number
from gantool.runs.status import read_status
from gantool.runs.timing import read_timing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gantool.evaluation.comparison.scores import Series
    from gantool.recipe.schema import Recipe
    from gantool.runs.folder import RunFolder
    from gantool.runs.status import RunStatus
    from gantool.runs.timing import Timing
    from gantool.training.signs import Stakes


@dataclass(frozen=True)
class RecordedRun:
    """One run, as its folder has it.

    Attributes:
        folder: The folder.
        status: How far it came, and how it ended.
        document: The resolved recipe, plain data.
        recipe: The same, validated; None where what it names is not installed.
        records: Figures of each log interval.
        timing: How long it took.
        findings: What the health watcher found.
        series: Every score.
        without_protocol: Scores left out because nobody knows how they were obtained.
    """

    folder: RunFolder
    status: RunStatus
    document: Mapping[str, Any]
    recipe: Recipe | None
    records: Sequence[Mapping[str, Any]]
    timing: Timing
    findings: Sequence[Mapping[str, Any]]
    series: tuple[Series, ...]
    without_protocol: int = 0

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.path.resolve().name

    @property
    def seed(self) -> int:
        """Where every random number of the run started."""
        return int(self.document.get("training", {}).get("seed", 0))

    @property
    def step(self) -> int:
        """Steps completed: by the status, or the last record where a kill kept it from that."""
        recorded = self.records[-1]["step"] if self.records else 0
        return max(self.status.step, int(recorded))

    @property
    def epochs(self) -> float:
        """Epochs completed at the last record."""
        return (number(self.records[-1].get("epoch")) or 0.0) if self.records else 0.0

    @property
    def averages(self) -> bool:
        """Whether the run keeps an average of the generator's weights."""
        return "half_life_images" in self.document.get("ema", {})

    @cached_property
    def stability(self) -> Stability:
        """Figures of the game."""
        return stability_of(self.records)

    @cached_property
    def stakes(self) -> Stakes | None:
        """Between which values the discriminator's loss can move; None where that is not known."""
        if self.recipe is None:
            return None
        from gantool.training.health import stakes_of

        return stakes_of(self.recipe.loss)

    def found(self, sign: str) -> int | None:
        """Return the step at which the watcher last found something, or None."""
        steps = [line["step"] for line in self.findings if line.get("sign") == sign]
        return steps[-1] if steps else None


def read_run(folder: RunFolder) -> RecordedRun:
    """Read a run folder.

    Raises:
        UsageError: When the run is going on, or its status or recipe cannot be read.
    """
    refuse_going(folder)
    recipe, document = _recipe(folder)
    document = plainly(document)
    series, without_protocol = read_series(folder, recipe)
    return RecordedRun(
        folder=folder,
        status=read_status(folder),
        document=document,
        recipe=recipe,
        records=tuple(JsonLines(folder.metrics).read()),
        timing=read_timing(folder),
        findings=tuple(JsonLines(folder.health).read()),
        series=series,
        without_protocol=without_protocol,
    )


def _recipe(folder: RunFolder) -> tuple[Recipe | None, Mapping[str, Any]]:
    """Return the recipe, and as plain data; the latter alone where a plugin is missing."""
    from gantool.recipe.reading import read_recipe

    try:
        recipe = read_recipe(folder.recipe)
    except GantoolError:
        return None, _document(folder)
    return recipe, recipe.document


def _document(folder: RunFolder) -> Mapping[str, Any]:
    from gantool.recipe.entries import plain
    from gantool.recipe.parsing import UnreadableError, read
    from gantool.recipe.problems import Problems

    problems = Problems()
    try:
        entry = read(folder.recipe, label=str(folder.recipe), rank=0, problems=problems)
        problems.raise_any()
    except (UnreadableError, RecipeError) as error:
        raise UsageError(f"the recipe of run {folder.path} cannot be read: {error}") from error
    return dict(plain(entry)) if entry is not None else {}
