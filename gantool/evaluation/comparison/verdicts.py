"""The rules by which a comparison concludes, each a small function of figures.

What a comparison says in words follows from these and nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gantool.evaluation.comparison.scores import rank
from gantool.training.health.signs import WON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool.evaluation.comparison.groups import Column, Group, Spread
    from gantool.evaluation.comparison.recorded import LateTrend, RecordedRun

RISE_SPREADS = 3.0
"""Spreads about its own line that a curve must rise to be said to climb. White noise reaches a
third of that by chance in 1 of 100 runs, slowly wandering losses reach it now and then."""
RISE_SHARE = 0.1
"""Share of its own level that it must rise as well: a person would not see less."""
LEAD_SPREADS = 2.0
"""Standard deviations of a difference that a lead must have: 1 in 20 by chance."""
MOVED_SHARE = 0.02
"""Share of the best score by which a run's last may be worse before that is worth saying."""

Course = Literal["climbs", "falls", "stays level"]
Noise = Literal["training seeds", "sampling seeds", "subsets", "real against real"]


def course(trend: LateTrend | None) -> Course | None:
    """Return the course of a curve in the second half of a run.

    It climbs (or falls) if the line through it rises (or falls) by more than 3 times the spread of
    the curve about that line, and by more than a tenth of its level. None where it is too short.
    """
    if trend is None:
        return None
    is_clear = abs(trend.rise) > RISE_SPREADS * trend.spread
    is_visible = abs(trend.rise) > RISE_SHARE * abs(trend.level)
    if not (is_clear and is_visible):
        return "stays level"
    return "climbs" if trend.rise > 0 else "falls"


def climbs(run: RecordedRun) -> bool:
    """Whether the generator's loss climbs late in training."""
    return course(run.stability.trend) == "climbs"


def discriminator_wins(run: RecordedRun) -> bool:
    """Whether the discriminator has won by the end of a run.

    It has if its last losses are below a fifth of what it loses when it cannot tell real images
    from generated ones: the health watcher's own limit. Of a loss without a floor, as Wasserstein
    critics have it, this cannot be said.
    """
    loss = run.stability.discriminator_loss
    if loss is None or run.stakes is None:
        return False
    return run.stakes.left(loss) < WON


def generator_ahead(run: RecordedRun) -> bool:
    """Whether the discriminator's last losses are above the generator's."""
    figures = run.stability
    if figures.discriminator_loss is None or figures.generator_loss is None:
        return False
    return figures.discriminator_loss > figures.generator_loss


def collapsed(run: RecordedRun) -> bool:
    """Whether the health watcher saw all generated images become alike."""
    return run.found("generator") is not None


def diverged(run: RecordedRun) -> bool:
    """Whether the run failed, or recorded a NaN or an infinity at its end."""
    return run.status.outcome == "failed" or run.curves.ended_not_finite


def unfinished(run: RecordedRun) -> bool:
    """Whether a run ended before its last step, and not by failing."""
    return run.step < run.status.steps and not diverged(run)


@dataclass(frozen=True)
class Lead:
    """The lead of the best group over the next one, and the order of all by that score.

    The noise, the part of the lead that may be chance, is None where nothing tells it.
    """

    column: Column
    order: tuple[Group, ...]
    first: Spread
    second: Spread
    noise: float | None
    source: Noise | None

    @property
    def size(self) -> float:
        """Distance of the best from the next."""
        return abs(self.first.mean - self.second.mean)

    @property
    def is_clear(self) -> bool:
        """Whether there is a lead and it exceeds the noise."""
        return self.noise is not None and self.size > self.noise and self.size > 0


def deciding_column(columns: Sequence[Column], groups: Sequence[Group]) -> Column | None:
    """Return the score that says which group is best.

    It is the first one with a direction that all groups have: of the newest evaluation, or else
    that by which runs rate their checkpoints. Of several protocols, it is the one with the most
    generated images.
    """
    able = [
        column
        for column in columns
        if column.direction != "none" and all(column.final(group) for group in groups)
    ]
    named = [column for column in able if column.name == able[0].name]
    return max(named, key=lambda column: column.protocol.fake, default=None)


def lead_of(column: Column, groups: Sequence[Group]) -> Lead | None:
    """Put groups in order by their last scores; None where fewer than two have one.

    The lead of the first must exceed twice the standard deviation of a difference of two runs: over
    training seeds where both have several, else over sampling seeds, else over the metric's own
    subsets; where none of these is known, the score of half of the real images against the rest.
    """
    scored = [(group, final) for group in groups if (final := column.final(group)) is not None]
    if len(scored) < 2:
        return None
    scored.sort(key=lambda pair: rank(pair[1].mean, column.direction))
    (best, first), (next_best, second) = scored[:2]
    noise, source = noise_between(column, best, next_best)
    order = tuple(group for group, _ in scored)
    return Lead(column, order, first, second, noise, source)


def noise_between(column: Column, one: Group, other: Group) -> tuple[float | None, Noise | None]:
    """Return how far two groups' scores differ by chance, and what tells it."""
    finals = [column.final(one), column.final(other)]
    if (noise := _together([each.sd if each else None for each in finals])) is not None:
        return noise, "training seeds"
    readings = [column.readings(one), column.readings(other)]
    seeds = [max((r.sd for r in each if r.sd is not None), default=None) for each in readings]
    if (noise := _together(seeds)) is not None:
        return noise, "sampling seeds"
    own = [max((r.own_sd for r in each if r.own_sd is not None), default=None) for each in readings]
    if (noise := _together(own)) is not None:
        return noise, "subsets"
    floors = [abs(r.floor) for each in readings for r in each if r.floor is not None]
    return (max(floors), "real against real") if floors else (None, None)


def _together(sds: Sequence[float | None]) -> float | None:
    """Return twice the standard deviation of a difference, if both parts' are known."""
    known = [sd for sd in sds if sd is not None]
    return LEAD_SPREADS * math.hypot(*known) if len(known) == len(sds) else None


def best_was_earlier(column: Column, group: Group) -> bool:
    """Whether a group's best scores are clearly better than its last ones.

    They are if the last are worse by more than a fiftieth of the best.
    """
    final, best = column.final(group), column.best(group)
    if final is None or best is None:
        return False
    return abs(final.mean - best.mean) > MOVED_SHARE * abs(best.mean)


def unlike_lengths(groups: Sequence[Group]) -> bool:
    """Whether groups were trained for unlike numbers of steps, by more than a hundredth."""
    steps = [run.step for group in groups for run in group.runs]
    return max(steps) - min(steps) > 0.01 * max(steps)
