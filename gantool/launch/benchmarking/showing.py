"""The table that `gantool bench` shows."""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING

from rich.table import Table

from gantool.reporting.console.messages import WARNING_STYLE, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from gantool.launch.benchmarking.benchmark import Benchmark

GIGA = 1e9
MEBIBYTE = 2**20


def show_benchmark(found: Benchmark, console: Console) -> None:
    """Show a benchmark to a person.

    Args:
        found: What was measured.
        console: Where.
    """
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
