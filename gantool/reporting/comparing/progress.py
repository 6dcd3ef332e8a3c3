"""Messages to a person between the runs of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gantool.reporting.messages import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console


class Upcoming(Protocol):
    """A run of a series."""

    @property
    def variant(self) -> str:
        """What it is a run of."""

    @property
    def seed(self) -> int:
        """Where its random numbers start."""


def say_next(console: Console, series: Sequence[Upcoming]) -> Callable[[int, Upcoming], None]:
    """Return what says which run of a series comes next."""

    def told(place: int, upcoming: Upcoming) -> None:
        number = f"run {place + 1} of {len(series)}"
        say(console, "\n", (number, "bold"), f"  {upcoming.variant}, seed {upcoming.seed}")

    return told
