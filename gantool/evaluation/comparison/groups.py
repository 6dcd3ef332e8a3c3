"""Groups of runs that differ in their seed alone, and their scores in columns."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.evaluation.comparison.recorded import without_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from gantool.evaluation.comparison.recorded import RecordedRun
    from gantool.evaluation.comparison.scores import Key, Reading, Series
    from gantool.runs.scores import Protocol


@dataclass(frozen=True)
class Spread:
    """A figure over the `count` runs of a group that have it; `sd` is None for a single run."""

    mean: float
    sd: float | None
    count: int


@dataclass(frozen=True)
class Group:
    """Runs of one recipe, each with a seed of its own, in the order given.

    It has the recipe's name where no other group has it, else the first run's folder's.
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
        """Return the number of runs for which something holds."""
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
        together.setdefault(without_seed(run.trained), []).append(run)
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


@dataclass(frozen=True)
class Column:
    """One score by one protocol, with the metric's options as JSON.

    The series are found by the run's folder; runs without this score are missing.
    """

    name: str
    direction: str
    protocol: Protocol
    options: str
    series: Mapping[str, Series]

    def of(self, run: RecordedRun) -> Series | None:
        """Return a run's readings, if it has any."""
        return self.series.get(str(run.folder.path))

    def final(self, group: Group) -> Spread | None:
        """Return the last score, over a group's runs."""
        return self._spread(group, lambda series: series.final)

    def best(self, group: Group) -> Spread | None:
        """Return the best score, over a group's runs."""
        return self._spread(group, lambda series: series.best)

    def readings(self, group: Group) -> list[Reading]:
        """Return the last reading of each of a group's runs that has one."""
        found = [self.of(run) for run in group.runs]
        return [series.final for series in found if series is not None]

    def _spread(self, group: Group, choose: Callable[[Series], Reading | None]) -> Spread | None:
        found = (self.of(run) for run in group.runs)
        chosen = (choose(series) for series in found if series is not None)
        return spread_of(reading.value for reading in chosen if reading is not None)


def columns_of(runs: Sequence[RecordedRun], *, apart: bool = False) -> tuple[Column, ...]:
    """Return the scores that runs can be compared by, in the order in which runs have them.

    A score goes into a column if all runs that have it share a protocol; what some of them have
    by further protocols is left out then. Set `apart`, every protocol has a column of its own.

    Raises:
        UsageError: When runs have a score by unlike protocols only; it says what differs.
    """
    found = _by_key(runs)
    kept: list[Column] = []
    for name in dict.fromkeys(name for name, _, _ in found):
        columns = [_column(key, found[key]) for key in found if key[0] == name]
        holders = {place for column in columns for place in column.series}
        complete = [column for column in columns if set(column.series) == holders]
        if not complete and not apart:
            raise _unlike(name, columns, runs)
        kept += columns if apart else complete
    return tuple(kept)


def _by_key(runs: Sequence[RecordedRun]) -> dict[Key, dict[str, Series]]:
    """Return all series by score, options and protocol, and the run's folder.

    A run that keeps no average of its weights has one generator only: it may stand beside the
    averaged ones of other runs, and beside their raw ones.
    """
    found: dict[Key, dict[str, Series]] = {}
    for run in sorted(runs, key=lambda run: not run.averages):
        before = set(found)
        for series in run.series:
            key = (series.name, series.options, series.protocol)
            stand_ins = [] if run.averages else [each for each in _either(key) if each in before]
            for each in stand_ins or [key]:
                found.setdefault(each, {})[str(run.folder.path)] = series
    return found


def _either(key: Key) -> list[Key]:
    """Return a key with the protocol of averaged and with that of raw weights."""
    name, options, protocol = key
    return [(name, options, replace(protocol, generator=each)) for each in ("ema", "raw")]


def _column(key: Key, series: Mapping[str, Series]) -> Column:
    name, options, protocol = key
    first = next(iter(series.values()))
    return Column(name, first.direction, protocol, options, series)


def _unlike(name: str, columns: Sequence[Column], runs: Sequence[RecordedRun]) -> UsageError:
    """Return the refusal: which fields of the protocols differ, and in which runs."""
    names = {str(run.folder.path): run.name for run in runs}
    lines = [f"  {line}" for line in _differences(columns, names)]
    first = next(iter(columns[0].series))
    other = next(place for column in columns[1:] for place in column.series)
    return UsageError(
        f"score '{name}' was obtained by unlike protocols, which do not belong in one column:\n"
        + "\n".join(lines),
        f"evaluate them alike: gantool evaluate {other} --protocol {first}; "
        "or give each protocol a column of its own: --apart",
    )


def _differences(columns: Sequence[Column], names: Mapping[str, str]) -> Iterator[str]:
    """Yield each field in which protocols or options differ, with every value and its runs."""
    for field in fields(columns[0].protocol):
        values = [getattr(column.protocol, field.name) for column in columns]
        if len(set(values)) > 1:
            yield _difference(field.name.replace("_", " "), values, columns, names)
    options = [column.options for column in columns]
    if len(set(options)) > 1:
        yield _difference("options", options, columns, names)


def _difference(
    what: str, values: Iterable[object], columns: Sequence[Column], names: Mapping[str, str]
) -> str:
    holders: dict[str, dict[str, None]] = {}
    for value, column in zip(values, columns, strict=True):
        runs = holders.setdefault(_in_words(value), {})
        runs.update(dict.fromkeys(names[place] for place in column.series))
    return f"{what}: " + " against ".join(
        f"{value} ({', '.join(runs)})" for value, runs in holders.items()
    )


def _in_words(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
