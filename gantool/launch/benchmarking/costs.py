"""The cost that each regularizer of a recipe adds to its step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from gantool.interfaces.regularizer import LazyOption
from gantool.launch.benchmarking.timing import by_turns, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.data.prepared import PreparedImages
    from gantool.recipe.schema import Recipe
    from gantool.training.trainer import Trainer

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
    plan: Recipe, prepared: PreparedImages, rounds: int, progress: Progress
) -> Iterator[Cost]:
    """Yield what each regularizer adds: the recipe with and without it, by turns.

    Penalties that are applied now and then are averaged over blocks of steps.

    Args:
        plan: The recipe.
        prepared: Its images.
        rounds: Steps to time, at least.
        progress: Is told how far it is.
    """
    if not plan.regularizers:
        return
    block = max(_period(plan, index) for index in range(len(plan.regularizers)))
    trainers = {index: _trainer(plan, prepared, index) for index in _variants(plan)}
    device = trainers[WITH_ALL].game.device.device
    blocks = {
        str(index): partial(seconds, _block(trainer, block), device)
        for index, trainer in trainers.items()
    }
    for work in blocks.values():
        work()
    count = max(FEWEST_ROUNDS, rounds // block)
    times = by_turns(blocks, count, lambda done, total: progress("regularizers", done, total))
    whole = times[str(WITH_ALL)].minimum
    for index, component in enumerate(plan.regularizers):
        without = times[str(index)].minimum
        yield Cost(component.name, (whole - without) / block, whole / without - 1)


def _variants(plan: Recipe) -> range:
    """Return the whole recipe, and each of its regularizers that can be left out."""
    return range(WITH_ALL, len(plan.regularizers))


def _period(plan: Recipe, index: int) -> int:
    component = plan.regularizers[index]
    return component.every_steps if isinstance(component, LazyOption) else 1


def _trainer(plan: Recipe, prepared: PreparedImages, left_out: int) -> Trainer:
    from gantool.launch.session import assemble

    kept = [each for index, each in enumerate(plan.regularizers) if index != left_out]
    return assemble(replace(plan, regularizers=tuple(kept)), prepared).trainer


def _block(trainer: Trainer, steps: int) -> Callable[[], None]:
    def block() -> None:
        for _ in range(steps):
            trainer.one_step()

    return block
