"""The report of a run, kept up to date while it goes on."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from typing_extensions import override

from gantool.reporting.report.writing import NOT_LOOKED, write_report
from gantool.training.observers import Observer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gantool.reporting.report.neighbor_rows import Neighbors
    from gantool.runs.folder import RunFolder
    from gantool.runs.status import Outcome, RunStatus

log = logging.getLogger("gantool")

SHARE = 0.005
"""Share of the time that writing the page may take up while training goes on."""
FIRST_SECONDS = 20.0
"""Shorter runs are reported at their end only."""


class ReportObserver(Observer):
    """Writes the page anew at grids and checkpoints, as often as it is cheap.

    Whatever goes wrong with it costs the page and never the run.

    Args:
        folder: The run's folder.
        status: The run's.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        folder: RunFolder,
        status: RunStatus,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._status = status
        self._clock = clock
        self._due = clock() + FIRST_SECONDS
        self._warned = False

    def after_grid(self, step: int, path: Path) -> None:
        """Be told that a sample grid was drawn."""
        del path
        self._refresh(step)

    @override
    def at_checkpoint(self, step: int) -> None:
        self._refresh(step)

    def finish(
        self, step: int, outcome: Outcome, look: Callable[[], Neighbors | str] | None = None
    ) -> None:
        """Write the page for good.

        Args:
            step: Steps completed.
            outcome: How training ended.
            look: Looks for the nearest neighbors, or says why it does not.
        """
        self._write(step, outcome, look)

    def _refresh(self, step: int) -> None:
        """Write the page, unless that would take more than its share of the time."""
        started = self._clock()
        if started < self._due:
            return
        self._write(step, "running", None)
        now = self._clock()
        self._due = now + (now - started) / SHARE

    def _write(
        self, step: int, outcome: Outcome, look: Callable[[], Neighbors | str] | None
    ) -> None:
        if not self._folder.metrics.is_file():
            return  # nothing to report yet
        found = NOT_LOOKED if look is None else _looked(look)
        try:
            write_report(self._folder, status=self._status.at(step, outcome), neighbors=found)
        except Exception as error:  # a page must not end a run, whatever fails in it
            if not self._warned:
                self._warned = True
                log.warning("the report could not be written: %s", error)


def _looked(look: Callable[[], Neighbors | str]) -> Neighbors | str:
    """Return what was found, or what went wrong."""
    try:
        return look()
    except Exception as error:  # as above
        return f"Looking for them failed: {error}"
