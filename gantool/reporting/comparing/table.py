"""The figures of a comparison: a row for each, a column for each group of runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.evaluation.comparison.groups import spread_of
from gantool.evaluation.comparison.scores import rank
from gantool.evaluation.comparison.verdicts import course
from gantool.reporting.comparing.wording import with_spread
from gantool.reporting.figures import WEIGHTS, format_duration, names_in_words, real_images
from gantool.runs.scores import SPREADS
from gantool.text import format_epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gantool.evaluation.comparison.comparison import Comparison
    from gantool.evaluation.comparison.groups import Column, Group, Spread
    from gantool.evaluation.comparison.recorded import RecordedRun

UNKNOWN = "–"
ARROWS = {"lower": " ↓", "higher": " ↑"}
"""Which way a score is better."""


@dataclass(frozen=True)
class Row:
    """One figure: a cell for each group, and the place of the best where a direction is better.

    `short` is the label where it stands below the figure that it is about.
    """

    label: str
    cells: tuple[str, ...]
    best: int | None = None
    short: str = ""


def sections_of(comparison: Comparison) -> dict[str, list[Row]]:
    """Return the rows by what they tell of; where there are none, the section is left out."""
    found = {
        "What sets the recipes apart": [Row(*each) for each in comparison.differences],
        "Scores": list(_scores(comparison)),
        "The game": list(_game(comparison.groups)),
        "Length and cost": list(_cost(comparison.groups)),
    }
    return {title: rows for title, rows in found.items() if rows}


def rows_of(comparison: Comparison) -> list[Row]:
    """Return all rows, section by section."""
    return [row for rows in sections_of(comparison).values() for row in rows]


def score_columns(comparison: Comparison) -> list[Column]:
    """Return the columns that are scores: spreads stand beside what they are the spread of."""
    return [column for column in comparison.columns if not column.name.endswith(SPREADS)]


def protocol_in_words(column: Column) -> str:
    """Return how a column's scores were obtained, in a line."""
    protocol = column.protocol
    kinds = {series.protocol.generator for series in column.series.values()}
    # a run without an average has raw weights only
    weights = (
        "averaged weights, raw ones of runs that keep no average"
        if len(kinds) > 1
        else f"{WEIGHTS[kinds.pop()]} weights"
    )
    better = "" if column.direction == "none" else f"; {column.direction} is better"
    called = "".join(f"; {line}" for line in names_in_words([column.name], protocol))
    return (
        f"{protocol.fake:,} generated images ({weights}, "
        f"{protocol.batch_statistics} statistics) against {real_images(protocol)}; "
        f"features: {protocol.extractor}"
        f"{called}{better}"
    )


def _scores(comparison: Comparison) -> Iterator[Row]:
    columns, groups = score_columns(comparison), comparison.groups
    names = [column.name for column in columns]
    for number, column in enumerate(columns, 1):
        mark = f" [{number}]" if names.count(column.name) > 1 else ""
        label = f"{column.name}{ARROWS.get(column.direction, '')}{mark}"
        finals = [column.final(group) for group in groups]
        best = _best(finals, column.direction)
        yield Row(label, tuple(map(_spread, finals)), best)
        if _has_history(column):
            bests = [column.best(group) for group in groups]
            pairs = zip(bests, groups, strict=True)
            cells = tuple(f"{_spread(best)}{_when(column, group)}" for best, group in pairs)
            best = _best(bests, column.direction)
            yield Row(f"{label} at its best", cells, best, short="at its best")
        floors = [spread_of(each.floor for each in column.readings(group)) for group in groups]
        if any(floors):
            cells = tuple(map(_spread, floors))
            yield Row(f"{label} real against real", cells, short="real against real")


def _game(groups: Sequence[Group]) -> Iterator[Row]:
    figures: dict[str, Callable[[RecordedRun], float | None]] = {
        "G loss at the end": lambda run: run.stability.generator_loss,
        "D loss at the end": lambda run: run.stability.discriminator_loss,
        "G loss late, rise an epoch": slope,
    }
    for label, figure in figures.items():
        yield Row(label, tuple(_spread(group.spread(figure)) for group in groups))
    yield Row("G loss late", tuple(map(_courses, groups)))
    gaps = tuple(_spread(group.spread(lambda run: run.stability.gap)) for group in groups)
    yield Row("D(real) - D(fake) at the end", gaps)
    wide = [group.spread(lambda run: run.stability.wide_gap) for group in groups]
    cells = tuple(UNKNOWN if each is None else f"{each.mean:.0%} of the run" for each in wide)
    yield Row("D(real) - D(fake) > 0.9", cells)


def _cost(groups: Sequence[Group]) -> Iterator[Row]:
    seeds = (", ".join(str(run.seed) for run in group.runs) for group in groups)
    yield Row("seeds", tuple(seeds))
    yield Row("steps", tuple(_range(group, lambda run: f"{run.step:,}") for group in groups))
    epochs = (_range(group, lambda run: format_epoch(run.curves.epoch)) for group in groups)
    yield Row("epochs", tuple(epochs))
    times = [group.spread(lambda run: run.timing.seconds) for group in groups]
    cells = tuple(UNKNOWN if each is None else format_duration(each.mean) for each in times)
    yield Row("time of a run", cells)
    paces = [group.spread(lambda run: run.timing.images_per_second) for group in groups]
    cells = tuple(UNKNOWN if each is None else f"{each.mean:,.0f}" for each in paces)
    yield Row("images a second", cells)


def _spread(spread: Spread | None) -> str:
    return UNKNOWN if spread is None else with_spread(spread)


def slope(run: RecordedRun) -> float | None:
    """Return how much the generator's loss rises in an epoch, late in training."""
    return None if run.stability.trend is None else run.stability.trend.slope


def _courses(group: Group) -> str:
    """Return where the generator's loss goes late in training, of each kind how often."""
    found = [course(run.stability.trend) for run in group.runs]
    kinds = [kind for kind in dict.fromkeys(found) if kind is not None]
    if len(found) == 1 or len(kinds) == 1:
        return kinds[0] if kinds else UNKNOWN
    return ", ".join(f"{found.count(kind)} × {kind}" for kind in kinds) or UNKNOWN


def _range(group: Group, text: Callable[[RecordedRun], str]) -> str:
    return ", ".join(dict.fromkeys(text(run) for run in group.runs))


def _has_history(column: Column) -> bool:
    """Whether a score has a direction and was taken more than once in some run."""
    return column.direction != "none" and any(len(s.readings) > 1 for s in column.series.values())


def _when(column: Column, group: Group) -> str:
    """Return the step of the best score, where a group has one run."""
    series = column.of(group.first)
    if len(group.runs) > 1 or series is None or series.best is None:
        return ""
    return f" (step {series.best.step:,})"


def _best(spreads: Sequence[Spread | None], direction: str) -> int | None:
    """Return the place of the best mean; None where no direction is better, or two are equal."""
    known = [(rank(each.mean, direction), place) for place, each in enumerate(spreads) if each]
    if direction == "none" or len(known) < 2:
        return None
    first, second, *_ = sorted(known)
    return None if first[0] == second[0] else first[1]
