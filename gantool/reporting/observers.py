"""Observers that write into the run folder: figures, sample grids, the report."""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from gantool.files.plain import make_plain_folder
from gantool.reporting.pictures.grids import save_grid
from gantool.runs.records import JsonLines
from gantool.training.observers import Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from gantool.recipe.schema import SamplingTable
    from gantool.reporting.report.writing import Neighbors
    from gantool.runs.folder import RunFolder
    from gantool.runs.status import Outcome, RunStatus
    from gantool.training.observers import Record

log = logging.getLogger("gantool")

EVEN_GRIDS = 25
"""Grids that a run spreads over its length, if its recipe does not say otherwise."""
LEAST_STEPS = 10
"""Steps between two of them, however short the run: a grid costs as much as a step or two."""
SHARE = 0.005
"""Share of the time that writing the report may take up while training goes on."""
FIRST_SECONDS = 20.0
"""Shorter runs are reported at their end only."""


class FiguresObserver(Observer):
    """Writes each log interval's figures, and its seconds into a file of their own.

    Figures without wall-clock are the same, to the byte, in every run of a seed. Records of steps
    after `start_step`, which an earlier process made, are dropped.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        images_per_step: int,
        start_step: int = 0,
        peak_memory: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._metrics = JsonLines(folder.metrics)
        self._timing = JsonLines(folder.timing)
        self._images_per_step = images_per_step
        self._peak_memory = peak_memory
        self._last: tuple[int, float]
        self.restored(start_step, {})

    @override
    def at_log(self, record: Record) -> None:
        self._metrics.append({"step": record.step, "epoch": record.epoch, **record.values})
        (before, since), now = self._last, time.monotonic()
        images, seconds = (record.step - before) * self._images_per_step, now - since
        self._timing.append(
            {
                "step": record.step,
                "seconds": round(seconds, 6),
                "images_per_second": round(images / seconds, 1) if seconds > 0 else None,
                "peak_memory_bytes": self._peak_memory(),
            }
        )
        self._last = (record.step, now)

    @override
    def restored(self, step: int, memory: Mapping[str, Any]) -> None:
        """Drop what was noted of steps that have not happened."""
        self._metrics.cut_after(step)
        self._timing.cut_after(step)
        self._last = (step, time.monotonic())

    @override
    def memory(self) -> Mapping[str, Any]:
        """Make the figures up to here durable, so that no checkpoint knows of others."""
        self._metrics.sync()
        self._timing.sync()
        return {}


def grid_moments(table: SamplingTable, steps: int, steps_per_epoch: float) -> tuple[int, ...]:
    """Return the steps after which a grid is drawn, in order; the last step is always among them.

    Without `every_steps` and `every_epochs` they are spread over the run: about 25 evenly, and a
    few before the first of those.
    """
    epochs = list(table.at_epochs or ())
    moments = {steps}
    if table.every_steps is not None:
        moments.update(range(table.every_steps, steps, table.every_steps))
    if table.every_epochs is not None:
        last = math.floor(steps / steps_per_epoch)
        epochs += range(table.every_epochs, last + 1, table.every_epochs)
    if table.every_steps is None and table.every_epochs is None:
        gap = max(LEAST_STEPS, math.ceil(steps / EVEN_GRIDS))
        moments |= {gap // 8, gap // 4, gap // 2, *range(gap, steps, gap)}  # most changes at first
    # rounded first, lest 3 of 1/3 step end at step 2
    moments |= {math.ceil(round(epoch * steps_per_epoch, 6)) for epoch in epochs}
    return tuple(sorted(moment for moment in moments if moment <= steps))


class GridsObserver(Observer):
    """Draws a grid of samples at given steps; a full disk costs the grid and never the run.

    The images, uint8 [N, H, W, C], are of latents that are always the same. Listeners are told the
    step and the file of each grid, viewers the step and the images.
    """

    def __init__(
        self,
        draw: Callable[[], NDArray[np.uint8]],
        moments: Iterable[int],
        folder: RunFolder,
        listeners: Iterable[Callable[[int, Path], None]] = (),
        viewers: Iterable[Callable[[int, NDArray[np.uint8]], None]] = (),
    ) -> None:
        self._draw = draw
        self._moments = frozenset(moments)
        self._folder = folder
        self._listeners = tuple(listeners)
        self._viewers = tuple(viewers)
        self._warned = False

    @override
    def restored(self, step: int, memory: Mapping[str, Any]) -> None:
        """Draw what could not be drawn at its moment."""
        if not self._folder.sample_grid(step).exists():
            self.after_step(step)

    @override
    def after_step(self, step: int) -> None:
        if step not in self._moments:
            return
        path, images = self._folder.sample_grid(step), self._draw()
        for viewer in self._viewers:
            viewer(step, images)
        try:
            make_plain_folder(path.parent)
            save_grid(images, path)
        except OSError as error:
            if not self._warned:
                self._warned = True
                log.warning(
                    "sample grid %s could not be written: %s", path, error.strerror or error
                )
            return
        for listener in self._listeners:
            listener(step, path)


class ReportObserver(Observer):
    """Writes the report anew at grids and checkpoints, as often as it is cheap.

    Whatever goes wrong with it costs the page and never the run.
    """

    def __init__(
        self, folder: RunFolder, status: RunStatus, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        self._status = status
        self._clock = clock
        self._due = clock() + FIRST_SECONDS
        self._warned = False

    def after_grid(self, step: int, path: Path) -> None:
        """Write the page after a sample grid."""
        del path
        self.at_checkpoint(step)

    @override
    def at_checkpoint(self, step: int) -> None:
        """Write the page, unless that would take more than its share of the time."""
        started = self._clock()
        if started < self._due:
            return
        self.finish(step, "running")
        now = self._clock()
        self._due = now + (now - started) / SHARE

    def finish(
        self, step: int, outcome: Outcome, look: Callable[[], Neighbors | str] | None = None
    ) -> None:
        """Write the page now; `look` finds the nearest neighbors, or says why it does not."""
        if not self._folder.metrics.is_file():
            return  # there is nothing to report yet
        from gantool.reporting.report.writing import NOT_LOOKED, write_report

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
