"""The record that a run's page is drawn from: its history, its pictures, and their shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.runs.history import grid_images, option, read_history, tile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gantool.runs.curves import Curves
    from gantool.runs.folder import RunFolder
    from gantool.runs.history import RunHistory, Timing
    from gantool.runs.scores import Evaluation, Finding, Scored
    from gantool.runs.status import RunStatus


@dataclass(frozen=True)
class RunRecord:
    """A run as its page shows it.

    Attributes:
        history: What its files tell; it has figures.
        grids: Steps and files of the sample grids, in order.
    """

    history: RunHistory
    grids: Sequence[tuple[int, Path]]

    @property
    def folder(self) -> RunFolder:
        """The folder."""
        return self.history.folder

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.history.name

    @property
    def state(self) -> str:
        """The outcome, or "interrupted": a process that was killed could not say so."""
        return self.history.state

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
        return self.history.scores

    @property
    def evaluations(self) -> Sequence[Evaluation]:
        """Scores of single checkpoints."""
        return self.history.evaluations

    @property
    def findings(self) -> Sequence[Finding]:
        """Findings of the health watcher."""
        return self.history.findings

    def epoch(self, step: int) -> float:
        """Return the epochs completed after some steps, with fractions."""
        return self.history.epoch(step)

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
    return RunRecord(history, folder.sample_grids())
