"""The pace of a run, and when it will end."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Pace:
    """Steps a second over the last minute, so that the estimate is calm and still follows change.

    The time before the first completed step is left out: it is spent on warming up.

    Args:
        clock: Seconds that only grow.
        window_seconds: The time over which the mean is taken.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, window_seconds: float = 60.0
    ) -> None:
        self._clock = clock
        self._window = window_seconds
        self._marks: deque[tuple[float, int]] = deque()  # (seconds, steps), oldest first

    def reach(self, step: int) -> None:
        """Note that `step` steps are completed now."""
        now = self._clock()
        if len(self._marks) > 1 and now - self._marks[-2][0] < self._window / 120:
            self._marks.pop()  # the newest mark moves along until it is worth keeping
        self._marks.append((now, step))
        while len(self._marks) > 2 and now - self._marks[1][0] >= self._window:
            self._marks.popleft()

    def steps_per_second(self) -> float | None:
        """Return the pace, or None while there is nothing to measure it by."""
        if len(self._marks) < 2:
            return None
        (start, first), (end, last) = self._marks[0], self._marks[-1]
        return (last - first) / (end - start) if end > start and last > first else None

    def seconds_for(self, steps: int) -> float | None:
        """Return how long so many steps will take, or None while that is unknown."""
        pace = self.steps_per_second()
        return None if pace is None else steps / pace


class Throttle:
    """Lets something happen at most once in a while.

    Args:
        seconds: The least time between two happenings.
        clock: Seconds that only grow.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next = clock()

    def ready(self) -> bool:
        """Return whether it is time; if so, the wait begins anew."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
