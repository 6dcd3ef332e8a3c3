"""Times of work that is done over and over, by turns where several are compared."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Timing:
    """Times of one kind of work, in milliseconds.

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


def timing_of(values: list[float]) -> Timing:
    """Summarize times in seconds."""
    ordered = sorted(1e3 * value for value in values)
    last = round(0.95 * (len(ordered) - 1))
    return Timing(ordered[0], statistics.median(ordered), ordered[last], len(ordered))


def by_turns(
    works: Mapping[str, Callable[[], float]],
    rounds: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Timing]:
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
    return {name: timing_of(values) for name, values in taken.items()}


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return how long work takes, the device's part of it included."""
    _wait_for(device)
    start = time.perf_counter()
    work()
    _wait_for(device)
    return time.perf_counter() - start


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
