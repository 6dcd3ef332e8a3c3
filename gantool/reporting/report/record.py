"""What a run's folder tells, read with caution: a damaged file costs its part of the page."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.runs.environment import read_environments
from gantool.runs.going import refuse_going
from gantool.runs.records import JsonLines, number
from gantool.runs.status import read_status
from gantool.runs.timing import read_timing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gantool.runs.folder import RunFolder
    from gantool.runs.status import RunStatus
    from gantool.runs.timing import Timing

GRID = re.compile(r"step-(\d{8,})\.png")
"""File names of the grids that a run draws by itself."""
MOST_TILES = 100_000
"""A recipe that asks for more images in a grid is not believed."""
Line = dict[str, Any]


@dataclass(frozen=True)
class RunRecord:
    """A run as its folder has it.

    Attributes:
        folder: The folder.
        status: How far it came, and how it ended.
        state: The outcome, or "interrupted": a process that was killed could not say so.
        document: The resolved recipe, plain data.
        metrics: Figures of each log interval, at least one.
        timing: How long it took.
        scores: Scores during training.
        evaluations: Scores of single checkpoints.
        findings: What the health watcher found.
        environments: What each process that worked on it computed with.
        grids: Steps and files of the sample grids, in order.
    """

    folder: RunFolder
    status: RunStatus
    state: str
    document: Mapping[str, Any]
    metrics: Sequence[Line]
    timing: Timing
    scores: Sequence[Line]
    evaluations: Sequence[Line]
    findings: Sequence[Line]
    environments: Sequence[Mapping[str, Any]]
    grids: Sequence[tuple[int, Path]]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.path.resolve().name

    @property
    def epochs_per_step(self) -> float:
        """The share of an epoch that one step is."""
        last = self.metrics[-1]
        epoch = number(last.get("epoch")) or 0.0
        return epoch / max(1, int(last["step"]))

    def epoch(self, step: int) -> float:
        """Return the epochs completed after some steps, with fractions."""
        return step * self.epochs_per_step

    @property
    def seconds(self) -> float:
        """Time spent on training."""
        return self.timing.seconds or 0.0

    def option(self, table: str, name: str, otherwise: Any = None) -> Any:
        """Return an option of the recipe, if its table and it are there."""
        options = self.document.get(table)
        return options.get(name, otherwise) if isinstance(options, dict) else otherwise

    @property
    def grid_images(self) -> int:
        """Images in a sample grid."""
        count = self.option("sampling", "count", 1)
        return count if isinstance(count, int) and 0 < count <= MOST_TILES else 1

    @property
    def tile(self) -> tuple[int, int]:
        """Height and width of the run's images."""
        size = self.option("image", "size")
        sides = size if isinstance(size, list) and len(size) == 2 else [size, size]
        height, width = (side if isinstance(side, int) and side > 0 else 1 for side in sides)
        return height, width


def read_record(folder: RunFolder, status: RunStatus | None = None) -> RunRecord:
    """Read a run's folder.

    Args:
        folder: A run's.
        status: Its status, where that is known better than its file tells.

    Raises:
        UsageError: When status or recipe cannot be read, or nothing was logged yet.
    """
    state = status.outcome if status else None
    status = status or _status(folder)
    metrics = list(JsonLines(folder.metrics).read())
    if not metrics:
        raise UsageError(
            f"nothing of run {folder.path} was logged yet, so there is nothing to report",
            f"figures are logged every {_interval(folder)} steps; "
            f"if it was stopped: gantool resume {folder.path}",
        )
    last = metrics[-1]["step"]
    status = replace(status, step=max(status.step, last))
    return RunRecord(
        folder=folder,
        status=status,
        state=state or _state(folder, status),
        document=_document(folder),
        metrics=metrics,
        timing=read_timing(folder),
        scores=list(JsonLines(folder.scores).read()),
        evaluations=list(JsonLines(folder.evaluations).read()),
        findings=list(JsonLines(folder.health).read()),
        environments=read_environments(folder),
        grids=sorted(_grids(folder)),
    )


def _status(folder: RunFolder) -> RunStatus:
    status = read_status(folder)
    if not all(isinstance(steps, int) for steps in (status.step, status.steps)):
        raise UsageError(f"{folder.description} cannot be read: its steps are no numbers")
    return status


def _state(folder: RunFolder, status: RunStatus) -> str:
    """Return a run's outcome, or "interrupted" where no process works on it any more."""
    if status.outcome != "running":
        return status.outcome
    try:
        refuse_going(folder)
    except UsageError:
        return "running"
    return "interrupted"


def _document(folder: RunFolder) -> Mapping[str, Any]:
    try:
        return tomllib.loads(folder.recipe.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{folder.recipe} cannot be read: {error}") from error


def _interval(folder: RunFolder) -> Any:
    table = _document(folder).get("training")
    return table.get("log_every_steps", 10) if isinstance(table, dict) else 10


def _grids(folder: RunFolder) -> Iterator[tuple[int, Path]]:
    for path in folder.samples.glob("step-*.png"):
        if (match := GRID.fullmatch(path.name)) and path.is_file():
            yield int(match[1]), path
