"""A comparison in words. What is said follows from the rules of `evaluation.comparison.verdicts`.

Figures that a sentence states are those that its rule has judged by.
"""

from __future__ import annotations

import shlex
from statistics import fmean
from typing import TYPE_CHECKING

from gantool.evaluation.comparison import verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gantool.evaluation.comparison.comparison import Comparison
    from gantool.evaluation.comparison.groups import Group, Spread
    from gantool.evaluation.comparison.recorded import LateTrend, RecordedRun
    from gantool.evaluation.comparison.verdicts import Course, Lead, Noise

COURSES: tuple[Course, ...] = ("climbs", "falls", "stays level")
NOISES: Mapping[Noise, str] = {
    "training seeds": "over training seeds",
    "sampling seeds": "over sampling seeds",
    "subsets": "over the metric's subsets",
    "real against real": "between two halves of the real images",
}
MOST_COMMANDS = 3
"""Of many runs, so many are named."""
WORTH_SAYING = 0.01
"""Share of a run below which a wide gap is not mentioned."""


def game_in_words(group: Group) -> str:
    """Return what happened in a group's runs, in sentences."""
    told = [*_endings(group), _course(group), _end(group), _gap(group)]
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in told if text)


def conclusion(comparison: Comparison) -> str:
    """Return who did best and what sets the groups apart, in a paragraph."""
    groups = comparison.groups
    score = [*_winner(comparison), *_order(comparison)]
    return " ".join([*score, *_climbing(groups), *_winning(groups), *_cautions(groups)])


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence holds them: "a, b and c"."""
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def significant(value: float) -> str:
    """Return a figure with three digits that matter."""
    return f"{value:#.3g}".rstrip(".") if abs(value) < 1e6 else f"{value:.2e}"


def with_spread(spread: Spread) -> str:
    """Return mean ± standard deviation, or the one value."""
    mean = significant(spread.mean)
    return mean if spread.sd is None else f"{mean} ± {spread.sd:.2g}"


def _course(group: Group) -> str:
    """Say where the generator's loss went, in how many of the runs."""
    told = []
    for name in COURSES:
        if found := _going(name, group):
            start, end = fmean(t.start for t in found), fmean(t.end for t in found)
            level, ends = significant((start + end) / 2), (significant(start), significant(end))
            values = f"around {level}" if name == "stays level" else f"from {' to '.join(ends)}"
            told.append(f"{name} {values}{_seeds(len(found), group)}")
    if not told:
        return ""
    return f"in the second half of training the generator's loss {listed(told)}"


def _end(group: Group) -> str:
    """Say how the game stood at the end."""
    discriminator = group.spread(lambda run: run.stability.discriminator_loss)
    generator = group.spread(lambda run: run.stability.generator_loss)
    if discriminator is None or generator is None:
        return ""
    loss = significant(discriminator.mean)
    if wins := group.count(verdicts.discriminator_wins):
        undecided = next(run.stakes.undecided for run in group.runs if run.stakes is not None)
        return (
            f"the discriminator wins{_seeds(wins, group)}: its loss ends at {loss}, where "
            f"{significant(undecided)} means that it cannot tell real from generated"
        )
    ends = f"{loss} and {significant(generator.mean)}"
    if ahead := group.count(verdicts.generator_ahead):
        return f"the discriminator's loss ends above the generator's{_seeds(ahead, group)}, {ends}"
    return f"the discriminator's and the generator's losses end at {ends}"


def _gap(group: Group) -> str:
    share = group.spread(lambda run: run.stability.wide_gap)
    if share is None or share.mean < WORTH_SAYING:
        return ""
    return f"D(real) and D(fake) are more than 0.9 apart in {share.mean:.0%} of the records"


def _endings(group: Group) -> Iterator[str]:
    """Yield what went wrong."""
    if count := group.count(verdicts.diverged):
        yield f"the run failed or diverged{_seeds(count, group)}{_after(group, verdicts.diverged)}"
    if count := group.count(verdicts.collapsed):
        steps = [step for run in group.runs if (step := run.found("generator")) is not None]
        yield f"the generator collapsed{_seeds(count, group)}, seen at step {min(steps):,}"
    if count := group.count(verdicts.unfinished):
        yield f"it is not finished{_seeds(count, group)}{_after(group, verdicts.unfinished)}"


def _after(group: Group, holds: Callable[[RecordedRun], bool]) -> str:
    run = next(run for run in group.runs if holds(run))
    return f", after {run.step:,} of {run.status.steps:,} steps"


def _seeds(count: int, group: Group) -> str:
    """Return in how many of a group's runs something holds, where it has several."""
    total = len(group.runs)
    if total == 1:
        return ""
    return f" in all {total} seeds" if count == total else f" in {count} of {total} seeds"


def _winner(comparison: Comparison) -> Iterator[str]:
    lead = comparison.lead
    if len(comparison.groups) == 1:
        yield "These runs differ in their seed alone, so there is nothing to rank."
        return
    if lead is None:
        yield "No score is known of all of them, so none can be called best."
        yield from _how_to_score(comparison.runs)
        return
    score, first, second = lead.column.name, lead.order[0].name, lead.order[1].name
    best, better = with_spread(lead.first), f"({lead.column.direction} is better)"
    after = f"{second} with {with_spread(lead.second)}. {_noise(lead)}"
    if not lead.size:
        yield f"No winner: {first} and {second} have the same {score}, {best}."
    elif lead.is_clear:
        yield f"{first} did best: {score} {best} at the end {better}, ahead of {after}"
    else:
        yield (
            f"No clear winner: {first} has the best {score} at the end, {best} {better}, "
            f"before {after}"
        )


def _how_to_score(runs: Sequence[RecordedRun]) -> Iterator[str]:
    """Say which runs have no score, and how to give them one that belongs beside the others'."""
    unscored = [run for run in runs if not run.series]
    if not unscored:
        return
    like = next((run for run in runs if run.series), None)
    like_it = unscored if like is None else [like, *unscored]
    first, *others = (shlex.quote(str(run.folder.path)) for run in like_it)
    commands = [] if like is not None else [f"gantool evaluate {first}"]
    commands += [f"gantool evaluate {other} --protocol {first}" for other in others]
    rest = ["and so on"] if len(commands) > MOST_COMMANDS else []
    names = [run.name for run in unscored]
    more = [f"{len(names) - MOST_COMMANDS:,} more"] if len(names) > MOST_COMMANDS else []
    yield f"Without a score: {listed([*names[:MOST_COMMANDS], *more])}."
    yield f"To evaluate them alike: {'; '.join([*commands[:MOST_COMMANDS], *rest])}."


def _noise(lead: Lead) -> str:
    """Say how the lead compares with chance."""
    size = significant(lead.size)
    if lead.noise is None or lead.source is None:
        return (
            f"Nothing tells whether a lead of {size} is more than chance: evaluate several seeds."
        )
    relation = "exceeds" if lead.is_clear else "does not exceed"
    times = "" if lead.source == "real against real" else "twice the spread of a difference "
    noise = f"{significant(lead.noise)}, {times}{NOISES[lead.source]}"
    return f"The lead of {size} {relation} the noise ({noise})."


def _order(comparison: Comparison) -> Iterator[str]:
    """Say who follows, and whose best scores were earlier."""
    lead = comparison.lead
    if lead is None:
        return
    if rest := lead.order[2:]:
        finals = [(group.name, lead.column.final(group)) for group in rest]
        followed = [f"{name} ({with_spread(final)})" for name, final in finals if final is not None]
        yield f"{listed(followed)} {'follow' if len(followed) > 1 else 'follows'}."
    earlier = [group for group in lead.order if verdicts.best_was_earlier(lead.column, group)]
    if earlier:
        told = [
            f"{group.name} ({significant(best.mean)})"
            for group in earlier
            if (best := lead.column.best(group)) is not None
        ]
        yield f"Better before the end than at the end: {listed(told)}."


def _climbing(groups: Sequence[Group]) -> Iterator[str]:
    """Say in which groups the generator's loss went where."""
    told = []
    for name in COURSES:
        found = {group.name: _going(name, group) for group in groups}
        whole = [group.name for group in groups if len(found[group.name]) == len(group.runs)]
        part = [
            f"some seeds of {each}" for each, runs in found.items() if runs and each not in whole
        ]
        if where := [*whole, *part]:
            told.append(f"{name} in {listed(where)}")
    if told:
        yield f"Late in training the generator's loss {'; it '.join(told)}."


def _going(name: Course, group: Group) -> list[LateTrend]:
    """Return the late trends of the generator's loss, in those of a group's runs that have one."""
    trends = (run.stability.trend for run in group.runs)
    return [trend for trend in trends if trend is not None and verdicts.course(trend) == name]


def _winning(groups: Sequence[Group]) -> Iterator[str]:
    wins, ahead = verdicts.discriminator_wins, verdicts.generator_ahead
    runs = [run for group in groups for run in group.runs]
    if where := _everywhere(wins, groups):
        yield f"The discriminator wins in {listed(where)}."
    elif all(run.stakes is not None for run in runs) and not any(map(wins, runs)):
        yield "The discriminator wins in none of them."
    if where := _everywhere(ahead, groups):
        yield f"The discriminator's loss ends above the generator's in {listed(where)}."


def _everywhere(rule: Callable[[RecordedRun], bool], groups: Sequence[Group]) -> list[str]:
    """Return the names of groups of which a rule holds for all runs."""
    return [group.name for group in groups if group.count(rule) == len(group.runs)]


def _cautions(groups: Sequence[Group]) -> Iterator[str]:
    if verdicts.unlike_lengths(groups):
        yield f"They were trained for unlike numbers of steps: {listed([*map(_steps, groups)])}."
    if all(len(group.runs) == 1 for group in groups):
        yield "Each was trained with one seed: another seed may turn the order."


def _steps(group: Group) -> str:
    """Return a group's name and the steps of its runs, from the fewest to the most."""
    steps = [run.step for run in group.runs]
    ends = sorted({min(steps), max(steps)})
    return f"{group.name} {' to '.join(f'{each:,}' for each in ends)}"
