"""What a run's folder tells, read with caution: a damaged file costs its part of the page."""

from __future__ import annotations

import json
import math
import re
import tomllib
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.runs.going import refuse_going
from gantool.runs.records import JsonLines
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gantool.runs.folder import RunFolder
    from gantool.runs.status import RunStatus

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
        timing: Seconds of each log interval.
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
    timing: Sequence[Line]
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
        return sum(number(line.get("seconds")) or 0.0 for line in self.timing)

    @property
    def seconds_per_step(self) -> float | None:
        """Typical time of a step: the median over the log intervals."""
        parts, before = [], 0
        for line in self.timing:
            steps, seconds = line["step"] - before, number(line.get("seconds")) or 0.0
            if steps > 0 and seconds > 0:
                parts.append(seconds / steps)
            before = line["step"]
        return median(parts) if parts else None

    @property
    def images_per_second(self) -> float | None:
        """Typical pace: the median over the log intervals."""
        paces = [number(line.get("images_per_second")) for line in self.timing]
        known = [pace for pace in paces if pace]
        return median(known) if known else None

    @property
    def peak_memory_bytes(self) -> int | None:
        """Most memory that a process took, on the device where there is one, if that was noted."""
        peaks = [number(line.get("peak_memory_bytes")) or 0.0 for line in self.timing]
        return int(max(peaks)) if any(peaks) else None

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
        timing=list(JsonLines(folder.timing).read()),
        scores=list(JsonLines(folder.scores).read()),
        evaluations=list(JsonLines(folder.evaluations).read()),
        findings=list(JsonLines(folder.health).read()),
        environments=_environments(folder),
        grids=sorted(_grids(folder)),
    )


def number(value: object) -> float | None:
    """Return a value if it is a finite number."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known and math.isfinite(value) else None  # type: ignore[arg-type]


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


def _environments(folder: RunFolder) -> list[Mapping[str, Any]]:
    try:
        noted = json.loads(folder.environment.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    return [each for each in noted if isinstance(each, dict)] if isinstance(noted, list) else []


def _grids(folder: RunFolder) -> Iterator[tuple[int, Path]]:
    for path in folder.samples.glob("step-*.png"):
        if (match := GRID.fullmatch(path.name)) and path.is_file():
            yield int(match[1]), path
