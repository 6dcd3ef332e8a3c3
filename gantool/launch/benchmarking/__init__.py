"""Measure how fast a recipe trains, and where the time goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.launch.session import prepare, read, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gantool.launch.benchmarking.benchmark import Benchmark
    from gantool.reporting.console.messages import Level


def bench(
    recipe: str | Path,
    overrides: Sequence[str] = (),
    *,
    rounds: int = 20,
    against: Path | None = None,
    level: Level = "normal",
) -> Benchmark:
    """Measure how fast a recipe trains; nothing is saved.

    Args:
        recipe: A recipe's file, or the name of a shipped one.
        overrides: Values to put over the recipe's.
        rounds: Steps to time.
        against: A Python file with another program's loop, to be timed by turns.
        level: How much is shown on stderr.

    Raises:
        GantoolError: Whatever a run would meet at its start.
        UsageError: When the other program cannot be timed.
    """
    from gantool.launch.benchmarking.benchmark import benchmark
    from gantool.reporting.console.progress import scoring_progress

    with shown() as console:
        loaded = read(recipe, overrides)
        prepare(loaded, console, level)  # decoded before anything is timed
        with scoring_progress(console, level) as progress:
            return benchmark(
                loaded,
                lambda: prepare(loaded, console, "quiet"),
                rounds=rounds,
                against=against,
                progress=progress,
            )
