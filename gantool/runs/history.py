"""A run as its folder has it, read with caution: damage costs its own part, and is reported.

The one reader of run folders: reports, comparisons, listings and exports ask here for figures,
timing, scores, status and recipe.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gantool.errors import UsageError
from gantool.runs.curves import read_curves
from gantool.runs.documents import Damages, read_bounded
from gantool.runs.folder import read_environments
from gantool.runs.scores import MOST_FINDINGS, Evaluation, Finding, Scored, read_records
from gantool.runs.status import read_status, state_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gantool.runs.curves import Curves, Values
    from gantool.runs.folder import RunFolder
    from gantool.runs.status import RunStatus

MOST_TILES = 100_000
"""A recipe that asks for more images in a grid is not believed."""
LARGEST_SIDE = 2**16


@dataclass(frozen=True)
class Timing:
    """Time and memory of the log intervals.

    Attributes:
        seconds: Time spent on training; None where none was noted.
        seconds_per_step: Median over the log intervals, or over the points of a long run.
        images_per_second: Median over the same.
        peak_memory_bytes: Most memory that a process took, of the device's if it has its own.
    """

    seconds: float | None = None
    seconds_per_step: float | None = None
    images_per_second: float | None = None
    peak_memory_bytes: int | None = None


@dataclass(frozen=True)
class RunHistory:
    """All that a run's files tell.

    Attributes:
        status: Its step is at least that of the last figures.
        state: The outcome, or "interrupted" where a process was killed.
        document: The resolved recipe, plain data.
        scores: Those that were taken during training.
        evaluations: Scores of single checkpoints.
        environments: Machine and packages of each process that worked on it.
    """

    folder: RunFolder
    status: RunStatus
    state: str
    document: Mapping[str, Any]
    curves: Curves
    timing: Timing
    scores: Sequence[Scored]
    evaluations: Sequence[Evaluation]
    findings: Sequence[Finding]
    environments: Sequence[Mapping[str, Any]]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.path.resolve().name

    def option(self, table: str, name: str, otherwise: Any = None) -> Any:
        """Return an option of the recipe, if table and option exist."""
        return option(self.document, table, name, otherwise)

    def epoch(self, step: int) -> float:
        """Return the epochs completed after some steps, with fractions."""
        return step * self.curves.epoch / max(1, self.curves.step)

    def found(self, sign: str) -> int | None:
        """Return the step at which the health watcher last found something, or None."""
        steps = [finding.step for finding in self.findings if finding.sign == sign]
        return steps[-1] if steps else None


def read_history(folder: RunFolder, status: RunStatus | None = None) -> RunHistory:
    """Read a run's folder, and warn of what cannot be read.

    A `status` is given where it is known better than its file tells.

    Raises:
        UsageError: When status or recipe cannot be read.
    """
    damages = Damages()
    curves = read_curves(folder.metrics, damages)
    known = status or read_status(folder, damages)
    history = RunHistory(
        folder=folder,
        status=replace(known, step=max(known.step, curves.step)),
        state=known.outcome if status else state_of(folder, known),
        document=read_recipe_table(folder),
        curves=curves,
        timing=timing_of(read_curves(folder.timing, damages, ordered=False)),
        scores=read_records(folder.scores, Scored, damages),
        evaluations=read_records(folder.evaluations, Evaluation, damages),
        findings=read_records(folder.health, Finding, damages, MOST_FINDINGS),
        environments=read_environments(folder, damages),
    )
    damages.say()
    return history


def read_recipe_table(folder: RunFolder) -> Mapping[str, Any]:
    """Return a run's recipe as plain data, also if its components are not installed."""
    try:
        return tomllib.loads(read_bounded(folder.recipe).decode())
    except OSError as error:
        raise UsageError(f"{folder.recipe} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{folder.recipe} cannot be read: {error}") from error


def option(document: Mapping[str, Any], table: str, name: str, otherwise: Any = None) -> Any:
    """Return an option of a resolved recipe, which may be damaged, if table and option exist."""
    options = document.get(table)
    return options.get(name, otherwise) if isinstance(options, dict) else otherwise


def grid_images(document: Mapping[str, Any]) -> int:
    """Return how many images a sample grid holds; 1 where the recipe makes no sense."""
    count = option(document, "sampling", "count", 1)
    return count if type(count) is int and 0 < count <= MOST_TILES else 1


def tile(document: Mapping[str, Any]) -> tuple[int, int]:
    """Return height and width of a run's images; 1 where the recipe makes no sense."""
    size = option(document, "image", "size")
    sides = size if isinstance(size, list) and len(size) == 2 else [size, size]
    height, width = (s if type(s) is int and 0 < s <= LARGEST_SIDE else 1 for s in sides)
    return height, width


def timing_of(curves: Curves) -> Timing:
    """Return the timing that the lines of timing.jsonl add up to."""
    seconds, memory = curves.curve("seconds"), curves.curve("peak_memory_bytes")
    if not curves:
        return Timing()
    steps = np.diff(curves.steps, prepend=0)
    spent = seconds.means * seconds.counts
    return Timing(
        seconds=seconds.total if seconds.is_known else None,
        seconds_per_step=_median(spent[steps > 0] / steps[steps > 0]),
        images_per_second=_median(curves.means("images_per_second")),
        peak_memory_bytes=int(np.nanmax(memory.highs)) or None if memory.is_known else None,
    )


def _median(values: Values) -> float | None:
    """Return the median of those above zero, or None where there are none."""
    known = values[values > 0]
    return float(np.median(known)) if known.size else None
