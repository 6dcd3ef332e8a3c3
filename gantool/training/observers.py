"""Figures of training, summed over log intervals, and the observers that are told of them."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import FrameType, TracebackType

    import torch
    from torch import Tensor

    from gantool.training.state.form import Interval


@dataclass
class _Sums:
    """Sums of figures that are always added together, [figures], and how often they were."""

    values: Tensor
    count: int = 0


class Totals:
    """Sums by name, read back once an interval.

    Figures of one step are summed by one operation. A NaN or infinity in any of the values stays in
    its sum, so the sums also tell whether the interval was finite.

    Attributes:
        is_closing: Whether the step at hand ends the interval; only then are those figures
            computed that take a pass over all weights.
    """

    def __init__(self, device: torch.device) -> None:
        import torch

        self.is_closing = True
        self._waiting: list[tuple[str, Tensor]] = []
        self._observed: list[str] | None = None
        self._device = device
        # float64, so that long intervals lose nothing; Apple's GPUs have none
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._sums: dict[tuple[str, ...], _Sums] = {}
        self._kept: dict[tuple[str, ...], _Sums] = {}  # a replay adds to the same tensors for good

    def note(self, figures: Mapping[str, Tensor]) -> None:
        """Take figures of an update, scalars; they count once the step is over."""
        self._waiting += figures.items()

    def end_step(self) -> None:
        """Add the step's figures to their sums."""
        import torch

        names, figures = zip(*self._waiting, strict=True)
        self._waiting = []
        if self._observed is not None:
            self._observed += names
        sums = self._sums_of(names)
        with torch.no_grad():
            sums.values += torch.stack(figures)  # [figures]
        sums.count += 1

    def count(self, names: tuple[str, ...]) -> None:
        """Count a step whose figures are added by a replay."""
        self._sums_of(names).count += 1

    @contextmanager
    def observed(self) -> Iterator[list[str]]:
        """Yield a list of the names of a step's figures, which is made inside and not counted."""
        names: list[str] = []
        self._observed = names
        try:
            yield names
        finally:
            self._observed = None
            self._waiting = []
            if names:
                self._sums_of(tuple(names)).count -= 1

    def means(self) -> dict[str, float]:
        """Return the mean of each figure, by one transfer from the device."""
        import torch

        if not self._sums:
            return {}
        values = torch.cat([sums.values for sums in self._sums.values()]).tolist()
        counts = [sums.count for names, sums in self._sums.items() for _ in names]
        names = [name for names in self._sums for name in names]
        added: dict[str, float] = {}
        times: dict[str, int] = {}
        for name, value, count in zip(names, values, counts, strict=True):
            added[name] = added.get(name, 0.0) + value
            times[name] = times.get(name, 0) + count
        return {name: total / times[name] for name, total in added.items()}

    def clear(self) -> None:
        """Start a new interval."""
        for sums in self._sums.values():
            sums.values.zero_()
            sums.count = 0
        self._sums.clear()

    def state(self) -> list[Interval]:
        """Return the open interval as plain data, for a checkpoint."""
        return [
            {"names": list(names), "sums": sums.values.tolist(), "count": sums.count}
            for names, sums in self._sums.items()
        ]

    def load(self, state: Iterable[Mapping[str, Any]]) -> None:
        """Go on with a saved interval."""
        import torch

        self.clear()
        for saved in state:
            sums = self._sums_of(saved["names"])
            sums.values += torch.tensor(saved["sums"], dtype=self._dtype, device=self._device)
            sums.count = saved["count"]

    def _sums_of(self, names: Iterable[str]) -> _Sums:
        key = tuple(names)
        if key not in self._kept:
            import torch

            zeros = torch.zeros(len(key), dtype=self._dtype, device=self._device)
            self._kept[key] = _Sums(zeros)
        return self._sums.setdefault(key, self._kept[key])


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
