"""Stop signals: noticed once a step, so that a stop loses nothing."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

from typing_extensions import override

from gantool.training.observers import Observer

if TYPE_CHECKING:
    from types import FrameType, TracebackType

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
