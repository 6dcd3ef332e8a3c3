"""The record that a run's page is drawn from: its history, its pictures, and their shape."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.files.plain import is_plain_file
from gantool.runs.history import grid_images, option, read_history, tile
from gantool.runs.status import refuse_going

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gantool.runs.curves import Curves
    from gantool.runs.folder import RunFolder
    from gantool.runs.history import RunHistory, Timing
    from gantool.runs.scores import Finding, Judged, Scored
    from gantool.runs.status import RunStatus

GRID = re.compile(r"step-(\d{8,})\.png")
"""File names of the grids that a run draws by itself."""


@dataclass(frozen=True)
class RunRecord:
    """A run as its page shows it.

    Attributes:
        history: What its files tell; it has figures.
        state: The outcome, or "interrupted": a process that was killed could not say so.
        grids: Steps and files of the sample grids, in order.
    """

    history: RunHistory
    state: str
    grids: Sequence[tuple[int, Path]]

    @property
    def folder(self) -> RunFolder:
        """The folder."""
        return self.history.folder

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.path.resolve().name

    @property
    def status(self) -> RunStatus:
        """The status: how far it came, and how it ended."""
        return self.history.status

    @property
    def document(self) -> Mapping[str, Any]:
        """The resolved recipe, plain data."""
        return self.history.document

    @property
    def curves(self) -> Curves:
        """Figures, of one log interval at least."""
        return self.history.curves

    @property
    def timing(self) -> Timing:
        """Time and memory that it took."""
        return self.history.timing

    @property
    def scores(self) -> Sequence[Scored]:
        """Scores during training."""
        return self.history.scored

    @property
    def evaluations(self) -> Sequence[Judged]:
        """Scores of single checkpoints."""
        return self.history.judged

    @property
    def findings(self) -> Sequence[Finding]:
        """Findings of the health watcher."""
        return self.history.findings

    @property
    def epochs_per_step(self) -> float:
        """The share of an epoch that one step is."""
        return self.curves.epoch / max(1, self.curves.step)

    def epoch(self, step: int) -> float:
        """Return the epochs completed after some steps, with fractions."""
        return step * self.epochs_per_step

    @property
    def seconds(self) -> float:
        """Time spent on training."""
        return self.timing.seconds or 0.0

    def option(self, table: str, name: str, otherwise: Any = None) -> Any:
        """Return an option of the recipe, if its table and it are there."""
        return option(self.document, table, name, otherwise)

    @property
    def grid_images(self) -> int:
        """Images in a sample grid."""
        return grid_images(self.document)

    @property
    def tile(self) -> tuple[int, int]:
        """Height and width of the run's images."""
        return tile(self.document)


def read_record(folder: RunFolder, status: RunStatus | None = None) -> RunRecord:
    """Read a run's folder.

    Args:
        folder: A run's.
        status: Its status, where that is known better than its file tells.

    Raises:
        UsageError: When status or recipe cannot be read, or nothing was logged yet.
    """
    history = read_history(folder, status)
    if not history.curves:
        every = option(history.document, "training", "log_every_steps", 10)
        raise UsageError(
            f"nothing of run {folder.path} was logged yet, so there is nothing to report",
            f"figures are logged every {every} steps; "
            f"if it was stopped: gantool resume {folder.path}",
        )
    state = status.outcome if status else _state(history)
    return RunRecord(history, state, sorted(_grids(folder)))


def _state(history: RunHistory) -> str:
    """Return a run's outcome, or "interrupted" where no process works on it any more."""
    if history.status.outcome != "running":
        return history.status.outcome
    try:
        refuse_going(history.folder)
    except UsageError:
        return "running"
    return "interrupted"


def _grids(folder: RunFolder) -> Iterator[tuple[int, Path]]:
    for path in folder.samples.glob("step-*.png"):
        if (match := GRID.fullmatch(path.name)) and is_plain_file(path):
            yield int(match[1]), path
