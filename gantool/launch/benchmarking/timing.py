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


def timing_of(seconds: list[float]) -> Timing:
    """Summarize times in seconds."""
    ordered = sorted(1e3 * value for value in seconds)
    last = round(0.95 * (len(ordered) - 1))
    return Timing(ordered[0], statistics.median(ordered), ordered[last], len(ordered))


def by_turns(
    works: Mapping[str, Callable[[], object]],
    rounds: int,
    device: torch.device,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Timing]:
    """Time several kinds of work by turns, so that whatever slows the machine slows them all.

    Args:
        works: What to time, by name; each was done before, and is warm.
        rounds: How often each is timed.
        device: What is waited for.
        progress: Is told of rounds done and rounds in all.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for done in range(rounds):
        for name, work in works.items():
            seconds[name].append(_seconds(work, device))
        progress(done + 1, rounds)
    return {name: timing_of(values) for name, values in seconds.items()}


def _seconds(work: Callable[[], object], device: torch.device) -> float:
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
