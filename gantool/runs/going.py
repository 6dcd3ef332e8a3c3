"""Runs that a process is working on, which nobody else should judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.lock import is_held
from gantool.runs.records import last_step
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from gantool.runs.folder import RunFolder
    from gantool.runs.status import RunStatus


def step_reached(folder: RunFolder, status: RunStatus) -> int:
    """Return how far a run has come that did not note its end: by its figures and checkpoints.

    Raises:
        UsageError: When a link is where its checkpoints belong.
    """
    saved = Checkpoints(folder.checkpoints, status.identifier).all()
    steps = [status.step, *(checkpoint.step for checkpoint in saved[:1])]
    return max([*steps, last_step(folder.metrics)] if is_held(folder) else steps)


def refuse_going(folder: RunFolder) -> None:
    """Refuse a run that a process is working on: its newest checkpoint changes.

    Raises:
        UsageError: When it is.
    """
    if is_held(folder):
        raise UsageError(
            f"run {folder.path} is still going, in process {read_status(folder).holder}",
            "wait until it is done, or stop it with Ctrl-C; "
            "[evaluation] every_epochs scores a run while it goes",
        )
