"""Runs that differ in nothing but their seed belong together."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.evaluation.comparison.recorded import without_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gantool.evaluation.comparison.recorded import RecordedRun

OF_NO_CONSEQUENCE = ("checkpoints", "evaluation", "health", "loggers", "metrics", "requires")
"""Tables that change nothing of what is trained."""


@dataclass(frozen=True)
class Spread:
    """A figure over the runs of a group.

    Attributes:
        mean: Over the runs that have it.
        sd: Sample standard deviation; None for a single run.
        count: Runs that have it.
    """

    mean: float
    sd: float | None
    count: int


@dataclass(frozen=True)
class Group:
    """Runs of one recipe, each with a seed of its own.

    Attributes:
        name: The recipe's name where no other group has it, else the first run's folder.
        runs: In the order given.
    """

    name: str
    runs: tuple[RecordedRun, ...]

    @property
    def first(self) -> RecordedRun:
        """The run whose pictures and curves stand for the group."""
        return self.runs[0]

    def spread(self, figure: Callable[[RecordedRun], float | None]) -> Spread | None:
        """Return a figure over the runs, or None where no run has it."""
        return spread_of(figure(run) for run in self.runs)

    def count(self, holds: Callable[[RecordedRun], bool]) -> int:
        """Return in how many of the runs something holds."""
        return sum(map(holds, self.runs))


def spread_of(values: Iterable[float | None]) -> Spread | None:
    """Return mean and standard deviation of the values that are known, or None if none is."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    sd = statistics.stdev(known) if len(known) > 1 else None
    return Spread(statistics.fmean(known), sd, len(known))


def group_runs(runs: Sequence[RecordedRun]) -> tuple[Group, ...]:
    """Put runs that differ in their seed alone into one group, in the order of the first ones.

    Raises:
        UsageError: When there is one run only, or one is named twice, or their images have
            different channels.
    """
    _refuse(runs)
    together: dict[str, list[RecordedRun]] = {}
    for run in runs:
        told = {n: table for n, table in run.document.items() if n not in OF_NO_CONSEQUENCE}
        together.setdefault(without_seed(told), []).append(run)
    names = _names([members[0] for members in together.values()])
    return tuple(
        Group(name, tuple(members)) for name, members in zip(names, together.values(), strict=True)
    )


def _refuse(runs: Sequence[RecordedRun]) -> None:
    if len(runs) < 2:
        raise UsageError("a comparison needs at least 2 runs", "gantool list-runs shows them")
    places = [run.folder.path.resolve() for run in runs]
    if twice := [place for place, count in Counter(places).items() if count > 1]:
        raise UsageError(f"run {twice[0]} is named twice", "name each run once")
    channels = {run.name: run.option("image", "channels") or 3 for run in runs}
    if len(set(map(str, channels.values()))) > 1:
        said = ", ".join(f"{name}: {count}" for name, count in channels.items())
        raise UsageError(
            f"the images of these runs have different channels ({said}), so neither pictures nor "
            "scores can be compared",
            "compare runs with the same image.channels",
        )


def _names(firsts: Sequence[RecordedRun]) -> list[str]:
    """Return a name for each group: the shortest kind of name that tells all of them apart."""
    kinds = (
        [run.status.recipe for run in firsts],
        [run.name for run in firsts],
        [str(run.folder.path) for run in firsts],
    )
    return next(names for names in kinds if len(set(names)) == len(names))
