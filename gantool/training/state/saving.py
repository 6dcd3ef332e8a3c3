"""The moments at which a run is saved, and what happens when that fails."""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from gantool.errors import DiskError, DivergedError
from gantool.training.device.device import AHEAD, is_memory_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from torch import Tensor

    from gantool.recipe.schema import CheckpointsTable
    from gantool.runs.checkpoints import Checkpoint, Checkpoints
    from gantool.training.device.ranks import Ranks
    from gantool.training.observers import Record

log = logging.getLogger("gantool")

FAILED_SAVES = 3
"""Failed saves in a row after which training gives up."""
WAY_OUT = (
    "the last checkpoint is finite; go on from it with a lower optimizer.learning_rate, with "
    'optimizer.clip_gradient_norm, or with training.on_divergence = "rollback"'
)


@dataclass
class Saver:
    """Saves states into a run's checkpoints.

    Attributes:
        stops_on_divergence: Whether a state that is not finite is an error; it is never saved.
        writes: Whether this process is the one that saves, of those that train together.
        last_step: The step last saved or resumed from; None before.
    """

    checkpoints: Checkpoints
    table: CheckpointsTable
    stops_on_divergence: bool = True
    writes: bool = True
    last_step: int | None = None
    _saved_at: float = field(default_factory=time.monotonic)
    _failures: int = 0

    def is_due_by_steps(self, step: int) -> bool:
        """Whether it is one of the steps after which the recipe wants a checkpoint."""
        every = self.table.every_steps
        return every is not None and step % every == 0 and step != self.last_step

    def is_due_by_time(self, step: int) -> bool:
        """Whether enough seconds have gone by since the last checkpoint."""
        every = self.table.every_seconds
        has_passed = every is not None and time.monotonic() - self._saved_at >= every
        return has_passed and step != self.last_step

    def save(
        self,
        step: int,
        gather: Callable[[], Mapping[str, Any]],
        score: float | None = None,
        *,
        ends: bool = False,
    ) -> Checkpoint | None:
        """Save a state; None when that failed and training may go on without it.

        Args:
            step: Steps completed.
            gather: Returns the state. It may fail as writing may: a checkpoint never knows of
                figures that are not safe on disk.
            score: The checkpoint's, lower being better.
            ends: Whether training ends here, so that what is not saved now is lost.

        Raises:
            DivergedError: When the state is not finite, unless the recipe ignores that and
                training goes on.
            DiskError: When saving failed for the first checkpoint, the last one, or several times
                in a row.
        """
        self._saved_at = time.monotonic()  # a failed save is tried again an interval later
        try:
            state = gather()
            if (place := first_non_finite(state)) is not None:
                self._refuse(step, place, ends=ends)
                return None
            checkpoint = self.checkpoints.save(step, state, score) if self.writes else None
        except (OSError, RuntimeError) as error:  # torch reports a full disk as the latter
            if (pressed := _ctrl_c_behind(error)) is not None:
                raise pressed from error
            if is_memory_fault(error):
                raise
            self._failed(step, error, ends=ends)
            return None
        self._failures, self.last_step = 0, step
        return checkpoint

    def _refuse(self, step: int, place: str, *, ends: bool) -> None:
        """Raise for a state that is not finite; warn where the recipe ignores that for now."""
        if self.stops_on_divergence or ends:
            message = f"training diverged: not finite after step {step}: {place}{self._left()}"
            raise DivergedError(message, WAY_OUT, step=step, figures=(place,))
        log.warning("nothing is saved while training is not finite%s", self._left())

    def _failed(self, step: int, error: Exception, *, ends: bool) -> None:
        """Warn, or give up."""
        self._failures += 1
        message = f"checkpoint of step {step} could not be saved: {error}"
        if self._failures == FAILED_SAVES or self.last_step is None or ends:
            way_out = f"free some space, then: gantool resume {self.checkpoints.folder.parent}"
            raise DiskError(f"{message}{self._left()}", way_out) from error
        log.warning(message)

    def _left(self) -> str:
        """Return what there is to go on from."""
        if self.last_step is None:
            return "; no checkpoint was saved"
        return f"; the newest checkpoint is of step {self.last_step}"


def _ctrl_c_behind(error: BaseException) -> KeyboardInterrupt | None:
    """Return the Ctrl-C that broke a save off: torch's writer covers it with a RuntimeError."""
    behind = error.__context__
    while behind is not None and not isinstance(behind, KeyboardInterrupt):
        behind = behind.__context__
    return behind


def refuse_non_finite(record: Record) -> None:
    """Refuse figures of a log interval of which one is NaN or infinite."""
    bad = [name for name, value in record.values.items() if not math.isfinite(value)]
    if bad:
        raise DivergedError(
            f"training diverged: by step {record.step}, not finite: {', '.join(bad)}",
            WAY_OUT,
            step=record.step,
            figures=tuple(bad),
        )


def first_non_finite(state: object, place: str = "") -> str | None:
    """Return the dotted place of the first number or tensor that is not finite, if any is not."""
    if isinstance(state, torch.Tensor):
        return None if _is_finite(state) else place
    if isinstance(state, float):
        return None if math.isfinite(state) else place
    parts: Iterable[tuple[object, object]] = ()
    if isinstance(state, dict):
        parts = state.items()
    elif isinstance(state, list):
        parts = enumerate(state)
    places = (first_non_finite(part, f"{place}.{key}".removeprefix(".")) for key, part in parts)
    return next((found for found in places if found is not None), None)


def _is_finite(tensor: Tensor) -> bool:
    """Whether a tensor is finite: a NaN or infinity would be in its sum, quickly computed."""
    if not tensor.is_floating_point() or bool(tensor.sum().isfinite()):
        return True
    return bool(tensor.isfinite().all())


@dataclass
class Accord:
    """Lets every process learn of a wish before the step after which it is granted.

    Wishes go through the store, without a collective: nobody waits. All-reduces keep the
    processes within one step of each other, and hosts run at most `AHEAD` steps ahead of their
    GPUs, so a wish for a step that far off reaches everybody in time.

    A single process has its way at once.
    """

    ranks: Ranks
    on_gpu: bool = False
    _read: int = 0
    _granted: dict[str, tuple[int, str]] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def reason_to_stop(self, wish: str | None, step: int) -> str | None:
        """Return why all processes stop after this step; `wish` is why this one wants to."""
        return self._agreed("stop", wish, step)

    def is_time_to_save(self, saver: Saver | None, step: int) -> bool:
        """Return whether all processes save after this step.

        Only the first one's clock counts; steps are counted by each.
        """
        if saver is None:
            return False
        wish = "time" if self.ranks.index == 0 and saver.is_due_by_time(step) else None
        return self._agreed("save", wish, step) is not None or saver.is_due_by_steps(step)

    def _agreed(self, what: str, wish: str | None, step: int) -> str | None:
        """Tell the others of a wish, read theirs, and return the reason of one that is granted."""
        store = self.ranks.store
        if store is None:
            return wish
        if wish is not None and what not in self._asked:
            at = step + 1 + (AHEAD + 1 if self.on_gpu else 0)
            store.set(f"wish {store.add('wishes', 1)}", json.dumps([what, at, wish]))
            self._asked.add(what)
        while self._read < store.add("wishes", 0):
            self._read += 1
            asked, at, why = json.loads(store.get(f"wish {self._read}"))
            self._granted.setdefault(asked, (at, why))  # of two for the same, the first counts
        at, why = self._granted.get(what, (step + 1, ""))
        if step < at:
            return None
        self._asked.discard(what)
        del self._granted[what]
        return why
