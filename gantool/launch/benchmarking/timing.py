"""Times of steps: compared by turns, by what regularizers add, and by their arithmetic."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gantool.data.prepare.prepared import PreparedImages
    from gantool.recipe.schema import Recipe
    from gantool.training.device.device import Device
    from gantool.training.trainer import Trainer


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


def _summarized(values: list[float]) -> Durations:
    """Return what there is to say of times in seconds."""
    ordered = sorted(1e3 * value for value in values)
    last = round(0.95 * (len(ordered) - 1))
    return Durations(ordered[0], statistics.median(ordered), ordered[last], len(ordered))


def by_turns(
    works: Mapping[str, Callable[[], float]],
    rounds: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Durations]:
    """Time several kinds of warm work by turns, so that what slows the machine slows them all.

    Each does its work once and returns the seconds it took.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for done in range(rounds):
        for name, work in works.items():
            taken[name].append(work())
        progress(done + 1, rounds)
    return {name: _summarized(values) for name, values in taken.items()}


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


Progress = Callable[[str, int, int], None]
"""Is told what is being timed, the rounds done and the rounds in all."""
WITH_ALL = -1
FEWEST_ROUNDS = 5


@dataclass(frozen=True)
class Cost:
    """What a regularizer adds to a step.

    Attributes:
        name: The regularizer.
        milliseconds: By the fastest blocks of steps with and without it.
        share: Of the step without it.
    """

    name: str
    milliseconds: float
    share: float


def costs(
    recipe: Recipe, prepared: PreparedImages, rounds: int, progress: Progress
) -> Iterator[Cost]:
    """Yield what each regularizer adds: the recipe with and without it, by turns.

    Penalties that are applied now and then are averaged over blocks of steps, `rounds` at least.
    """
    if not recipe.regularizers:
        return
    variants = range(WITH_ALL, len(recipe.regularizers))
    trainers = {index: _trainer(recipe, prepared, index) for index in variants}
    game = trainers[WITH_ALL].game
    block = max((active.every for active in game.regularization.active), default=1)
    device = game.device.device
    blocks = {
        str(index): partial(seconds, _block(trainer, block), device)
        for index, trainer in trainers.items()
    }
    for work in blocks.values():
        work()
    count = max(FEWEST_ROUNDS, rounds // block)
    times = by_turns(blocks, count, lambda done, total: progress("regularizers", done, total))
    whole = times[str(WITH_ALL)].minimum
    for index, component in enumerate(recipe.regularizers):
        without = times[str(index)].minimum
        yield Cost(component.name, (whole - without) / block, whole / without - 1)


def _trainer(recipe: Recipe, prepared: PreparedImages, left_out: int) -> Trainer:
    from gantool.launch.session import assemble

    kept = [each for index, each in enumerate(recipe.regularizers) if index != left_out]
    return assemble(replace(recipe, regularizers=tuple(kept)), prepared).trainer


def _block(trainer: Trainer, steps: int) -> Callable[[], None]:
    def block() -> None:
        for _ in range(steps):
            trainer.one_step()

    return block


SIDES = {"cuda": 8192, "cpu": 2048}
"""Sides of the square matrices whose product tells what a device can do."""
ROUNDS = 7


def operations_of_a_step(trainer: Trainer) -> int:
    """Return the floating-point operations of a trainer's next step, made eagerly.

    Products and convolutions are counted, as 2 operations for a multiplication and an addition.
    """
    counter = _Counter()
    with counter:
        trainer.one_step()
    return counter.total


def peak_of(device: Device) -> float:
    """Return what the device reaches in a product of large matrices, in operations a second."""
    side = SIDES.get(device.device.type, 2048)
    dtype = device.autocast or device.dtype
    a, b = (torch.randn(side, side, device=device.device).to(dtype) for _ in range(2))
    a @ b
    product = partial(seconds, lambda: a @ b, device.device)
    fastest = by_turns({"product": product}, ROUNDS)["product"].minimum
    return 2 * side**3 / (fastest / 1e3)


class _Counter(TorchDispatchMode):
    """Adds up operations by torch's own formulas.

    torch's `FlopCounterMode` does so too, but also follows modules by hooks, and those refuse the
    gradients in images that penalties take.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total: int = 0

    @override
    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(getattr(func, "_overloadpacket", None))
        if formula is not None:
            self.total += int(formula(*args, **(kwargs or {}), out_val=result))
        return result
