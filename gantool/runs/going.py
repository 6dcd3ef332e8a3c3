"""Runs that a process is working on, which nobody else should judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.errors import DiskError, UsageError
from gantool.runs.lock import hold
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from gantool.runs.folder import RunFolder


def refuse_going(folder: RunFolder) -> None:
    """Refuse a run that a process is working on: its newest checkpoint changes.

    A folder that cannot be written to is one that no process works on.

    Raises:
        UsageError: When it is.
    """
    try:
        with hold(folder):
            return
    except DiskError:
        return
    except UsageError as error:
        raise UsageError(
            f"run {folder.path} is still going, in process {read_status(folder).holder}",
            "wait until it is done, or stop it with Ctrl-C; "
            "[evaluation] every_epochs scores a run while it goes",
        ) from error
