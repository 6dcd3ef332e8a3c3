"""A run by its folder alone, and the course of its game in figures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gantool.errors import GantoolError
from gantool.evaluation.comparison.scores import series_of
from gantool.recipe.documents import part_bearing_upon, plainly
from gantool.runs.history import RunHistory, read_history
from gantool.runs.status import refuse_going

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool.evaluation.comparison.scores import Series
    from gantool.interfaces.loss import Loss
    from gantool.recipe.schema import Recipe
    from gantool.runs.curves import Curves, Values
    from gantool.runs.folder import RunFolder
    from gantool.training.health.signs import Stakes


@dataclass(frozen=True)
class RecordedRun(RunHistory):
    """One run, as its folder has it, and what a comparison makes of that.

    The loss is None where what the recipe names is not installed. Scores whose protocol is unknown
    are left out, and counted.
    """

    loss: Loss | None
    stability: Stability
    series: tuple[Series, ...]
    without_protocol: int = 0

    @property
    def seed(self) -> int:
        """The seed of every random number of the run."""
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

    @cached_property
    def stakes(self) -> Stakes | None:
        """The range of the discriminator's loss; None where it is not known."""
        if self.loss is None:
            return None
        from gantool.training.health.watcher import stakes_of

        return stakes_of(self.loss)


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
        document = history.document if recipe is None else _seeded(recipe, history)
        series, without_protocol = series_of(history, recipe)
        return RecordedRun(
            **{**vars(history), "document": plainly(document)},
            loss=None if recipe is None else recipe.loss,
            stability=stability_of(history.curves),
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
    """Return a recipe without its seed as text: the same for the same recipe."""
    training = document.get("training")
    if isinstance(training, dict):
        training = {name: value for name, value in training.items() if name != "seed"}
    return json.dumps({**document, "training": training}, sort_keys=True, default=str)


def _seeded(recipe: Recipe, history: RunHistory) -> Mapping[str, Any]:
    """Return a recipe that was read for another seed with the run's own."""
    seed = history.option("training", "seed")
    if seed is None:
        return recipe.document
    return {**recipe.document, "training": {**recipe.document["training"], "seed": seed}}


STRETCHES = 40
"""Parts of the late half, of which medians are taken: collapses of one epoch, which every GAN has,
do not count."""
FEWEST_STRETCHES = 8
"""Fewer points than these make no trend."""
END = 0.1
"""Share of the run, at its end, over which its last losses are taken: single records jump."""
WIDE_GAP = 0.9
"""D(real) - D(fake) beyond which the discriminator is nearly always right: 0.95 and 0.05."""
ROBUST_SD = 1.4826
"""Standard deviations of a normal distribution in one median absolute deviation."""


@dataclass(frozen=True)
class LateTrend:
    """A straight line through the second half of a curve: its values there, in so many epochs.

    `spread` is the robust standard deviation of the curve about it.
    """

    start: float
    end: float
    spread: float
    epochs: float

    @property
    def rise(self) -> float:
        """Its climb; negative where it falls."""
        return self.end - self.start

    @property
    def level(self) -> float:
        """Its height at half of its length."""
        return (self.start + self.end) / 2

    @property
    def slope(self) -> float:
        """Its rise in an epoch."""
        return self.rise / self.epochs if self.epochs else 0.0


@dataclass(frozen=True)
class Stability:
    """Figures of one run's game; None where its records do not have them.

    Losses and gap, D(real) - D(fake), are medians at the end of the run; the trend is that of the
    generator's loss. `wide_gap` is a share of the run, `not_finite` counts records.
    """

    discriminator_loss: float | None
    generator_loss: float | None
    trend: LateTrend | None
    gap: float | None
    wide_gap: float | None
    not_finite: int


def stability_of(curves: Curves) -> Stability:
    """Return the figures of a run's game; those of a long run are taken from its points."""
    gaps = curves.means("real_score") - curves.means("fake_score")
    losses = curves.means("generator_loss")
    return Stability(
        discriminator_loss=_at_the_end(curves.means("discriminator_loss")),
        generator_loss=_at_the_end(losses),
        trend=late_trend(losses, curves.epochs),
        gap=_at_the_end(gaps),
        wide_gap=_wide_gap(gaps),
        not_finite=curves.not_finite,
    )


def late_trend(values: Values, epochs: Values) -> LateTrend | None:
    """Return the line through the second half of a curve, or None where that is too short.

    Values are NaN where there is none. The slope is the median of the slopes of all pairs of
    stretches (Theil 1950, Sen 1968), so that almost a third of them may be outliers.
    """
    import numpy as np

    late = slice(len(values) // 2, None)
    known = np.isfinite(values[late]) & np.isfinite(epochs[late])
    values, epochs = values[late][known], epochs[late][known]
    if len(values) < FEWEST_STRETCHES:
        return None
    parts = np.array_split(np.arange(len(values)), min(STRETCHES, len(values)))
    heights = np.array([np.median(values[part]) for part in parts])
    places = np.array([epochs[part].mean() for part in parts])
    first, second = np.triu_indices(len(parts), 1)
    runs = places[second] - places[first]
    if not np.all(runs > 0):
        return None
    slope = np.median((heights[second] - heights[first]) / runs)
    offset = np.median(heights - slope * places)
    spread = ROBUST_SD * np.median(np.abs(heights - slope * places - offset))
    start, end = (float(offset + slope * place) for place in (epochs[0], epochs[-1]))
    return LateTrend(start, end, float(spread), float(epochs[-1] - epochs[0]))


def _at_the_end(values: Values) -> float | None:
    """Return the median of the last tenth of a curve."""
    import numpy as np

    last = values[-max(1, round(END * len(values))) :]
    known = last[np.isfinite(last)]
    return float(np.median(known)) if known.size else None


def _wide_gap(gaps: Values) -> float | None:
    import numpy as np

    known = gaps[np.isfinite(gaps)]
    return float(np.mean(known > WIDE_GAP)) if known.size else None
