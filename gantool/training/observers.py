"""Observers of training: console, grids, evaluation, watcher, loggers, stop signals."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import FrameType, TracebackType


@dataclass(frozen=True)
class Record:
    """Figures of one log interval, averaged over its steps.

    Attributes:
        step: Steps completed at its end.
        epoch: Epochs completed at its end, with fractions.
        values: By name: real_score and fake_score (mean D(x) and D(G(z)) as probabilities, before
            the update), discriminator_loss, discriminator_gradient_norm, generator_loss,
            generator_gradient_norm, penalties as "penalty/NAME", and
            what regularizers tell as "REGULARIZER/NAME". NaN and infinity are kept.
            Gradient norms take a pass over all weights: they are of the interval's last step, or of
            all steps where gradients are clipped.
    """

    step: int
    epoch: float
    values: Mapping[str, float]


class Observer:
    """Looks on, never changes the training. Override what you need."""

    def restored(self, step: int, memory: Mapping[str, Any]) -> None:
        """Be told that training goes on from a checkpoint, in a new process or after a rollback.

        Args:
            step: Steps completed at the checkpoint; what came later has not happened.
            memory: What the observers' `memory` gave to that checkpoint.
        """

    def after_step(self, step: int) -> None:
        """Be told that `step` steps are completed."""

    def at_log(self, record: Record) -> None:
        """Be given the figures of a log interval."""

    def memory(self) -> Mapping[str, Any]:
        """Return what the checkpoint that is about to be saved must carry along.

        Plain data under a key of its own. What has been written elsewhere and belongs to the
        checkpoint is made durable here, before it.
        """
        return {}

    def rating(self, step: int) -> float | None:
        """Return the score of the checkpoint that is about to be saved, lower being better."""
        del step
        return None

    def at_checkpoint(self, step: int) -> None:
        """Be told that a checkpoint was saved."""

    def wants_stop(self) -> str | None:
        """Return why training should stop after this step, or None to go on."""
        return None


def tell_restored(observers: Iterable[Observer], step: int, memory: Mapping[str, Any]) -> None:
    """Let everybody know where training goes on from."""
    for observer in observers:
        observer.restored(step, memory)


def wish_to_stop(observers: Iterable[Observer]) -> str | None:
    """Return the first reason to stop that an observer has, if any has one."""
    return next((why for o in observers if (why := o.wants_stop()) is not None), None)


SIGNALS = (signal.SIGINT, signal.SIGTERM)


def signal_of(reason: str | None) -> int | None:
    """Return the number of the signal that is a reason to stop; None if it is another reason."""
    names = {signal.Signals(number).name: int(number) for number in SIGNALS}
    return names.get(reason or "")


class StopSignals(Observer):
    """Inside the context, SIGINT and SIGTERM only leave a note; a second SIGINT stops at once.

    The handlers of before come back at its end. Outside the main thread, where Python allows no
    handlers, it does nothing.

    Attributes:
        received: The signal's number, or None.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @override
    def wants_stop(self) -> str | None:
        return None if self.received is None else signal.Signals(self.received).name

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.received is not None:
            raise KeyboardInterrupt
        self.received = number
