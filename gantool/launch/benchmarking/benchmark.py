"""A benchmark: how fast a recipe trains, where the time goes, and the table that shows it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from rich.table import Table

from gantool.data.batches import Stream
from gantool.launch.benchmarking.peer import peer
from gantool.launch.benchmarking.timing import (
    Cost,
    Durations,
    Progress,
    by_turns,
    costs,
    operations_of_a_step,
    peak_of,
    seconds,
    times_at_once,
)
from gantool.reporting.console.messages import WARNING_STYLE, say
from gantool.training.device.device import peak_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.console import Console

    from gantool.data.prepare.prepared import PreparedImages
    from gantool.launch.session import Session
    from gantool.recipe.schema import Recipe
    from gantool.training.trainer import Trainer


WARM_UP = 4
"""Steps before the first one that is timed."""
IDLE = 0.5
"""Load average above which a machine is at other work too, and its figures say little."""


@dataclass(frozen=True)
class Against:
    """Another program's step on the same images, timed by turns.

    Attributes:
        ratio: Our fastest step by its fastest: below 1, we are faster.
        median_ratio: The same of the medians.
    """

    script: str
    step: Durations
    ratio: float
    median_ratio: float


@dataclass(frozen=True)
class Benchmark:
    """How fast a recipe trains on a device.

    Attributes:
        load: The load average before the measurement; above 0.5 the figures say little.
        batch_size: Real images in an update.
        step: Times of a step.
        images_per_second: Real images, by the median step.
        data_wait: Share of the time in which the step waited for images.
        peak_memory: Of tensors on a GPU, of the whole process elsewhere, in bytes.
        operations: Floating-point operations of a step.
        achieved: Operations a second, by the median step.
        peak: Operations a second in a product of large matrices.
        regularizers: What each adds.
        import_seconds: To import torch.
        start_seconds: From then to the end of the first step, on prepared images.
        against: The other program, if one was given.
    """

    recipe: str
    device: str
    threads: int
    torch: str
    load: float
    batch_size: int
    step: Durations
    images_per_second: float
    data_wait: float
    peak_memory: int | None
    operations: int
    achieved: float
    peak: float
    regularizers: tuple[Cost, ...]
    import_seconds: float
    start_seconds: float
    against: Against | None

    @property
    def is_quiet(self) -> bool:
        """Whether the machine had nothing else to do."""
        return self.load <= IDLE

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def benchmark(
    recipe: Recipe,
    open_images: Callable[[], PreparedImages],
    *,
    rounds: int,
    against: Path | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Benchmark:
    """Measure a recipe, as `bench` says; `open_images` opens its prepared images."""
    import torch

    load, start = os.getloadavg()[0], time.perf_counter()
    prepared = open_images()
    session = _begun(recipe, prepared)
    start_seconds = time.perf_counter() - start
    step, other, data_wait = _steps(session.trainer, rounds, against, progress)
    memory = peak_memory(session.device.device)
    training = recipe.tables.training
    operations = operations_of_a_step(_begun(_eager(recipe), prepared).trainer)
    return Benchmark(
        recipe=recipe.name,
        device=str(session.device),
        threads=torch.get_num_threads(),
        torch=str(torch.__version__),
        load=load,
        batch_size=training.batch_size,
        step=step,
        images_per_second=1e3 * training.batch_size * training.discriminator_updates / step.median,
        data_wait=data_wait,
        peak_memory=memory,
        operations=operations,
        achieved=1e3 * operations / step.median,
        peak=peak_of(session.device),
        regularizers=tuple(costs(recipe, prepared, rounds, progress)),
        import_seconds=_seconds_to_import_torch(),
        start_seconds=start_seconds,
        against=None if against is None or other is None else _compared(against, step, other),
    )


def _begun(recipe: Recipe, prepared: PreparedImages) -> Session:
    """Return a recipe's session after its first step."""
    from gantool.launch.session import assemble

    session = assemble(recipe, prepared)
    session.trainer.one_step()
    return session


def _eager(recipe: Recipe) -> Recipe:
    """Return a recipe whose steps are made one operation after the other, to be counted."""
    device = recipe.tables.device.model_copy(update={"graph": "off", "compile": False})
    return replace(recipe, tables=recipe.tables.model_copy(update={"device": device}))


def _steps(
    trainer: Trainer, rounds: int, against: Path | None, progress: Progress
) -> tuple[Durations, Durations | None, float]:
    """Time steps, by turns with those of another program, and the share spent waiting for data."""
    device = trainer.game.device.device
    works: dict[str, Callable[[], float]] = {"ours": partial(seconds, trainer.one_step, device)}
    with ExitStack() as stack:
        if against is not None:
            images = trainer.game.real_batch(0, 0).images
            works["theirs"] = stack.enter_context(peer(against, images))
        for work in works.values():
            for _ in range(WARM_UP):
                work()
        before = _waited(trainer)
        times = by_turns(works, rounds, lambda done, total: progress("steps", done, total))
    steps = rounds * times_at_once(device)
    share = (_waited(trainer) - before) / (steps * times["ours"].median / 1e3)
    return times["ours"], times.get("theirs"), share


def _waited(trainer: Trainer) -> float:
    """Return the seconds that a training has waited for images; resident ones are always there."""
    images = trainer.game.batches.images
    return images.waited if isinstance(images, Stream) else 0.0


def _seconds_to_import_torch() -> float:
    """Return what any program that uses torch takes to start."""
    timed = "import time; t = time.perf_counter(); import torch; print(time.perf_counter() - t)"
    printed = subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True)
    return float(printed.stdout)


def _compared(script: Path, ours: Durations, theirs: Durations) -> Against:
    return Against(str(script), theirs, ours.minimum / theirs.minimum, ours.median / theirs.median)


GIGA = 1e9
MEBIBYTE = 2**20


def show_benchmark(found: Benchmark, console: Console) -> None:
    """Show a benchmark to a person."""
    table = Table.grid(padding=(0, 2))
    for name, value in rows(found):
        table.add_row(name, value)
    console.print(table)
    if not found.is_quiet:
        say(
            console,
            ("warning:", WARNING_STYLE),
            f" the machine was at other work too (load average {found.load:.2f}): "
            "do not quote these figures",
        )


def rows(found: Benchmark) -> Iterator[tuple[str, str]]:
    """Yield what was measured, and its value in words."""
    step = found.step
    yield "recipe", f"{found.recipe}, batches of {found.batch_size}"
    yield "device", f"{found.device}, {found.threads} threads, torch {found.torch}"
    yield (
        "step",
        (
            f"{step.minimum:.4g} ms at best, {step.median:.4g} ms usually, "
            f"{step.p95:.4g} ms at the 95th percentile, of {step.count}"
        ),
    )
    yield "images", f"{found.images_per_second:,.0f} real images a second"
    yield "data", f"{found.data_wait:.1%} of the time spent waiting for images"
    if found.peak_memory is not None:
        yield "memory", f"{found.peak_memory / MEBIBYTE:,.0f} MiB at the peak"
    yield (
        "arithmetic",
        (
            f"{found.operations / GIGA:.4g} GFLOP a step, {found.achieved / GIGA:,.3g} GFLOP/s: "
            f"{found.achieved / found.peak:.0%} of a matrix product's {found.peak / GIGA:,.3g}"
        ),
    )
    for label, cost in zip(chain(["cost of"], repeat("")), found.regularizers, strict=False):
        yield label, f"{cost.name}: {cost.milliseconds:+.3g} ms a step, {cost.share:+.1%}"
    yield (
        "start",
        (
            f"{found.start_seconds:.2f} s to the end of the first step, "
            f"after {found.import_seconds:.2f} s to import torch"
        ),
    )
    if found.against is not None:
        other = found.against
        theirs = other.step
        yield "against", f"{other.script}, on the same images, by turns"
        yield "", f"{theirs.minimum:.4g} ms at best, {theirs.median:.4g} ms usually"
        yield "ratio", f"{other.ratio:.3f} of its time at best, {other.median_ratio:.3f} usually"
