"""Trainings that share their batches, each in a thread of its own, through real gloo."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from torch import distributed
from torch.distributed.distributed_c10d import PrefixStore, ProcessGroupGloo

from gantool.training.device.ranks import Ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE = timedelta(seconds=60)
Result = TypeVar("Result")


def ranks_in_threads(count: int) -> list[Ranks]:
    """Return the ranks of a group that threads of this process can be."""
    store = distributed.HashStore()  # type: ignore[attr-defined]

    def meet(index: int) -> Ranks:
        tensors = PrefixStore("tensors", store)
        group = ProcessGroupGloo(tensors, index, count, timeout=PATIENCE)
        return Ranks(index, count, group, PrefixStore("words", store))

    return in_threads(meet, range(count))


def in_threads(work: Callable[..., Result], *arguments: Sequence[object]) -> list[Result]:
    """Do work at the same time, once for each argument, as `map` does one after the other.

    Raises:
        Exception: The first one that any of them raises.
    """
    with ThreadPoolExecutor(len(arguments[0])) as pool:
        return [
            future.result()
            for future in [*(pool.submit(work, *a) for a in zip(*arguments, strict=True))]
        ]
