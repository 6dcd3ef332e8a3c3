"""Times of work that is done over and over, by turns where several are compared."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AT_ONCE = 10
"""How often work is done on a GPU between two waits for it."""


@dataclass(frozen=True)
class Durations:
    """Times of one kind of work, in milliseconds; on a GPU each is the mean of `AT_ONCE`.

    Attributes:
        minimum: The fastest, which says what the machine can do.
        median: The usual one.
        p95: All but one in twenty are faster.
        count: How often it was timed.
    """

    minimum: float
    median: float
    p95: float
    count: int


def durations_of(values: list[float]) -> Durations:
    """Summarize times in seconds."""
    ordered = sorted(1e3 * value for value in values)
    last = round(0.95 * (len(ordered) - 1))
    return Durations(ordered[0], statistics.median(ordered), ordered[last], len(ordered))


def by_turns(
    works: Mapping[str, Callable[[], float]],
    rounds: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Durations]:
    """Time several kinds of work by turns, so that whatever slows the machine slows them all.

    Args:
        works: Each does its work once and returns the seconds it took; it is warm.
        rounds: How often each is timed.
        progress: Is told of rounds done and rounds in all.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for done in range(rounds):
        for name, work in works.items():
            taken[name].append(work())
        progress(done + 1, rounds)
    return {name: durations_of(values) for name, values in taken.items()}


def times_at_once(device: torch.device) -> int:
    """Return how often work is done between two waits for a device.

    A program runs ahead of a GPU; if it waited after every step, its own time would be added.
    """
    return AT_ONCE if device.type == "cuda" else 1


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return how long work takes, the device's part of it included; on a GPU, the mean of some."""
    times = times_at_once(device)
    _wait_for(device)
    start = time.perf_counter()
    for _ in range(times):
        work()
    _wait_for(device)
    return (time.perf_counter() - start) / times


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
