"""Figures of a run, thinned out while they are read, however long the run was."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from gantool.recipe.source.wording import brief
from gantool.runs.documents import LARGEST, Damages, number
from gantool.runs.records import rising, step_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gantool.runs.records import StepLine

    Values = NDArray[np.float64]

MOST_POINTS = 8192
"""In a longer run, a point stands for 2, 4, 8 … lines."""
MOST_FIGURES = 256
"""Figures in a line; most runs have about ten, and one more for each penalty."""
AT_ONCE = 4096
"""Lines that are added together."""
BESIDE = ("step", "epoch", "non_finite")
"""Keys of a line besides its figures."""
NUMBERS = {int, float, type(None)}
JOINS = ((np.add, 0.0), (np.add, 0.0), (np.minimum, np.inf), (np.maximum, -np.inf))
"""Joins of sums, counts, lows and highs, and what each is without numbers."""


@dataclass(frozen=True)
class Curve:
    """One figure over a run.

    Attributes:
        means: Mean of the lines that each point stands for, [N]; NaN where none has a number.
        lows: Their least number, [N].
        highs: Their greatest number, [N].
        counts: How many of them have a number, [N].
    """

    means: Values
    lows: Values
    highs: Values
    counts: NDArray[np.int64]

    @property
    def total(self) -> float:
        """The sum over all lines."""
        return float(np.nansum(self.means * self.counts))

    def extremes(self, places: Values) -> tuple[Values, Values]:
        """Return places and values to draw, so that no spike is lost.

        They are means, [N], or lows and highs, [2N], where points stand for several lines.
        """
        if np.array_equal(self.lows, self.highs, equal_nan=True):
            return places, self.means
        return np.repeat(places, 2), np.column_stack([self.lows, self.highs]).ravel()

    @property
    def is_known(self) -> bool:
        """Whether any line has a number."""
        return bool(self.counts.any())


@dataclass(frozen=True)
class Curves:
    """Figures of a run in at most 8,192 points; in a short run, each line is a point.

    Attributes:
        steps: The last step that each point stands for, [N].
        epochs: The last epoch, [N]; NaN where it is unknown.
        lines: Number of lines.
        stretch: Lines that a point stands for; the last point may stand for fewer.
        not_finite: Lines in which something was NaN or infinite.
        ended_not_finite: Whether it was so in the last one.
        figures: Curves by name, in the order in which they came up.
    """

    steps: NDArray[np.int64]
    epochs: Values
    lines: int
    stretch: int
    not_finite: int
    ended_not_finite: bool
    figures: Mapping[str, Curve]

    @property
    def step(self) -> int:
        """The last step; 0 where there is none."""
        return int(self.steps[-1]) if self.lines else 0

    @property
    def epoch(self) -> float:
        """The last epoch; 0 where it is unknown."""
        return float(self.epochs[-1]) if self.lines and self.epochs[-1] > 0 else 0.0

    def __bool__(self) -> bool:
        return self.lines > 0

    def curve(self, name: str) -> Curve:
        """Return one figure; all NaN if no line has it."""
        return self.figures.get(name, self._nothing)

    def means(self, name: str) -> Values:
        """Return the means of one figure, [N]."""
        return self.curve(name).means

    def points(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield the last step of each point, and the figures that it has."""
        for place, step in enumerate(self.steps):
            means = {name: float(curve.means[place]) for name, curve in self.figures.items()}
            yield int(step), {name: mean for name, mean in means.items() if np.isfinite(mean)}

    @cached_property
    def _nothing(self) -> Curve:
        return _Figure().curve(len(self.steps))


def read_curves(path: Path, damages: Damages, *, ordered: bool = True) -> Curves:
    """Return the figures in a file of lines; none if it is missing."""
    lines = step_lines(path, damages)
    if ordered:
        lines = rising(lines, path, damages)
    taken = Points(path, damages)
    while batch := list(islice(lines, AT_ONCE)):
        taken.add(batch)
    return taken.curves()


class _Figure:
    """Sums, counts, lows and highs of one figure at each point."""

    def __init__(self) -> None:
        self._columns = [np.full(MOST_POINTS, nothing) for _, nothing in JOINS]

    def add(self, places: NDArray[np.int64], values: Values) -> None:
        """Add values, [n], to points, [n]; NaN stands for none."""
        known = np.isfinite(values)
        at, found = places[known], values[known]
        news = (found, np.ones_like(found), found, found)
        for column, (join, _), new in zip(self._columns, JOINS, news, strict=True):
            join.at(column, at, new)

    def fold(self) -> None:
        """Join each two points; free places follow."""
        for column, (join, nothing) in zip(self._columns, JOINS, strict=True):
            middle = len(column) // 2
            column[:middle] = join(column[0::2], column[1::2])
            column[middle:] = nothing

    def curve(self, points: int) -> Curve:
        """Return the first points."""
        sums, counts, lows, highs = (column[:points] for column in self._columns)
        with np.errstate(invalid="ignore"):
            means = sums / counts  # NaN where there are none
        lows, highs = (np.where(counts > 0, values, np.nan) for values in (lows, highs))
        return Curve(means, lows, highs, counts.astype(np.int64))


class Points:
    """Collects lines in points, and joins points when there are too many."""

    def __init__(self, path: Path, damages: Damages) -> None:
        self._path, self._damages = path, damages
        self._steps = np.zeros(MOST_POINTS, dtype=np.int64)
        self._epochs = np.full(MOST_POINTS, np.nan)
        self._lines, self._stretch = 0, 1
        self._not_finite, self._ended_not_finite = 0, False
        self._figures: dict[str, _Figure] = {}

    def add(self, batch: Sequence[StepLine]) -> None:
        """Add lines."""
        while self._lines + len(batch) > MOST_POINTS * self._stretch:
            self._fold()
        places = (self._lines + np.arange(len(batch))) // self._stretch
        self._steps[places] = [line.step for line in batch]
        self._epochs[places] = self._values("epoch", batch)
        for name in self._names(batch):
            self._figures[name].add(places, self._values(name, batch))
        broken = [bool(line.values.get("non_finite")) for line in batch]
        self._not_finite += sum(broken)
        self._ended_not_finite = broken[-1]
        self._lines += len(batch)

    def curves(self) -> Curves:
        """Return the curves so far."""
        points = -(-self._lines // self._stretch)
        return Curves(
            steps=self._steps[:points].copy(),
            epochs=self._epochs[:points].copy(),
            lines=self._lines,
            stretch=self._stretch,
            not_finite=self._not_finite,
            ended_not_finite=self._ended_not_finite,
            figures={name: figure.curve(points) for name, figure in self._figures.items()},
        )

    def _fold(self) -> None:
        points = -(-self._lines // self._stretch)
        ends = [*range(1, points, 2), *([points - 1] if points % 2 else [])]
        self._steps[: len(ends)], self._epochs[: len(ends)] = self._steps[ends], self._epochs[ends]
        for figure in self._figures.values():
            figure.fold()
        self._stretch *= 2

    def _names(self, batch: Sequence[StepLine]) -> list[str]:
        """Return the names of a batch's figures, and make room for new ones."""
        kinds = dict.fromkeys(tuple(line.values) for line in batch)  # few: lines are alike
        names = dict.fromkeys(name for kind in kinds for name in kind if name not in BESIDE)
        for name in names:
            if name in self._figures:
                continue
            if len(self._figures) == MOST_FIGURES:
                self._damages.note(self._path, f"it has more figures than {MOST_FIGURES}")
                break
            self._figures[name] = _Figure()
        return [name for name in names if name in self._figures]

    def _values(self, name: str, batch: Sequence[StepLine]) -> Values:
        """Return one figure of each line, [n]; NaN where it is missing or no number."""
        found = [line.values.get(name) for line in batch]
        if set(map(type, found)) <= NUMBERS:
            with suppress(OverflowError):
                values = np.array(found, dtype=np.float64)  # None becomes NaN
                if not (np.abs(values) > LARGEST).any():
                    return values
        return np.array([self._number(name, line) for line in batch], dtype=np.float64)

    def _number(self, name: str, line: StepLine) -> float | None:
        value = line.values.get(name)
        known = number(value)
        if known is None and value is not None:
            what = f"{name}: expected a number of at most {LARGEST:g}, got {brief(value)}"
            self._damages.note(self._path, what, line.number)
        return known
