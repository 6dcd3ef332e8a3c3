"""Figures into the run folder: what was measured, and beside it how long it took."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from gantool.runs.records import JsonLines
from gantool.training.observers import Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gantool.runs.folder import RunFolder
    from gantool.training.observers import Record


class RecordingObserver(Observer):
    """Writes each log interval's figures, and its seconds into a file of their own.

    Figures without wall-clock are the same, to the byte, in every run of a seed.

    Args:
        folder: The run's folder.
        images_per_step: Real images that one step takes.
        start_step: Steps completed before this process; records of later ones are dropped.
        peak_memory: Returns the most bytes that training has taken so far; None where unknown.
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
        for lines in (self._metrics, self._timing):
            lines.cut_after(start_step)
        self._images_per_step = images_per_step
        self._peak_memory = peak_memory
        self._last = (start_step, time.monotonic())

    @override
    def at_log(self, record: Record) -> None:
        self._metrics.append({"step": record.step, "epoch": record.epoch, **record.values})
        (before, since), now = self._last, time.monotonic()
        images = (record.step - before) * self._images_per_step
        seconds = now - since
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
        """Drop what was recorded of steps that have not happened."""
        for lines in (self._metrics, self._timing):
            lines.cut_after(step)
        self._last = (step, time.monotonic())

    @override
    def memory(self) -> Mapping[str, Any]:
        """Make the figures up to here durable, so that no checkpoint knows of others."""
        self._metrics.sync()
        self._timing.sync()
        return {}
