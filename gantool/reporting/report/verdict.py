"""A verdict on a run in words: by its watcher, its end, its scores, and images that it repeats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.text import format_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gantool.evaluation.neighbors import Copies
    from gantool.runs.history import RunHistory
    from gantool.runs.scores import Evaluation, Finding, Scored

SOUND, WATCHED = "No sign of trouble", "The health watcher found something"
MEMORIZED = "It repeats its training images"
FAILED = "The run ended in an error"
UNWATCHED = "Nobody watched this run"
BADLY_SCORED = "Its scores are bad"
TOO_SHORT, TOO_FEW = "Too short to judge", "Too few images to judge"
FEWEST_IMAGES = 32
"""Training images below which a generator that knows them by heart looks like any other."""
NOTHING = 0.01
"""Share below which there is nothing."""
DISTANCE = "distance"
"""The last part of the name of a score that is a distance from the real images."""
FEWEST = 3
"""Scores in training that tell whether a distance falls."""
LOST = 2.0
"""Times its least distance, at which a run has lost what it had."""
MEANING = {
    "recall": "next to nothing of what the real images show is among the generated ones",
    "coverage": "next to no real image has a generated one near it",
    "precision": "next to no generated image is like the real ones",
    "density": "next to no generated image is like the real ones",
}
"""By the last parts of their names, of scores that are 0 where generated and real images have
nothing in common, and near 1 for real images."""
MANY_PERCENT = 5.0
"""Copies among generated images from which they are called out: more than chance brings about."""
COPIES_SCORE = "copies-pct"
"""The last part of the name of a score that is a percentage of copies."""
CAUTION = (
    "Scores such as FID cannot see this: a replayed training set has a perfect one. "
    "Do not trust them here."
)


@dataclass(frozen=True)
class Verdict:
    """A judgment on a run, with its reasons, most important first.

    It is open where there is no telling yet: neither good nor bad.
    """

    title: str
    is_bad: bool
    sentences: tuple[str, ...]
    is_open: bool = False


def verdict_of(run: RunHistory, copies: Copies | None = None) -> Verdict:
    """Judge a run by its watcher's findings, its end, its scores, and whether it repeats images."""
    memorized = _memorized(run, copies)
    found = [_finding(run, finding) for finding in run.findings]
    failed = [f"It stopped after step {run.status.step:,}."] if run.state == "failed" else []
    scored = list(bad_scores(run.scores, run.evaluations))
    if sentences := (*memorized, *failed, *found, *scored):
        titles = ((memorized, MEMORIZED), (found, WATCHED), (failed, FAILED))
        title = next((title for said, title in titles if said), BADLY_SCORED)
        return Verdict(title, True, sentences)
    return _open(run, copies) or Verdict(SOUND, False, tuple(_sound(run, copies)))


def _open(run: RunHistory, copies: Copies | None) -> Verdict | None:
    """Return why there is no telling yet, or None."""
    from gantool.training.health.signs import WINDOW_STEPS

    if run.option("health", "policy") == "off":
        return Verdict(UNWATCHED, False, ('The recipe says health.policy = "off".',), is_open=True)
    if copies is not None and copies.real < FEWEST_IMAGES:
        said = (
            f"It was trained on {copies.real} images. Below {FEWEST_IMAGES}, pictures that are "
            "learned by heart cannot be told from pictures that are made: train on more."
        )
        return Verdict(TOO_FEW, False, (said,), is_open=True)
    steps = run.curves.step
    if steps < WINDOW_STEPS:
        said = (
            f"In {steps:,} steps nothing went wrong that shows so early; the health watcher judges "
            f"by {WINDOW_STEPS} steps, and looks at the pictures only then."
        )
        return Verdict(TOO_SHORT, False, (said,), is_open=True)
    return None


def _memorized(run: RunHistory, copies: Copies | None) -> list[str]:
    """Return the accusation: by the neighbors if they were looked at, else by the scores."""
    newest = [scored.values for scored in run.scores[-1:]]
    newest += [evaluation.means for evaluation in run.evaluations[-1:]]
    said = [copies_called_out(copies)] if copies is not None else []
    return [each for each in (*said, *map(scores_called_out, newest)) if each][:1]


def _finding(run: RunHistory, finding: Finding) -> str:
    """Return what the watcher found, when, and what helped others."""
    from gantool.training.health.watcher import REMEDIES

    when = f"After step {finding.step:,}, epoch {format_epoch(run.epoch(finding.step))}"
    remedy = REMEDIES.get(finding.sign)
    found = f"{when}: {finding.message}."
    return f"{found} What may help: {remedy}." if remedy else found


def _sound(run: RunHistory, copies: Copies | None) -> Iterator[str]:
    so_far = " so far" if run.state == "running" else ""
    yield (
        f"In {run.curves.step:,} steps the health watcher has{so_far} seen neither player "
        "win outright, the pictures stayed varied, and the game kept moving."
    )
    if copies is not None:
        yield (
            f"Of {copies.generated:,} generated images {copies.copies or 'none'} "
            f"{'repeats' if copies.copies == 1 else 'repeat'} a training image."
        )


def bad_scores(scored: Sequence[Scored], evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """Yield a sentence for each of the newest scores that is bad.

    The rules: a share of which 0 means nothing is below 0.01; a distance, scored three times or
    more in training, is no smaller than at first, or twice its least.
    """
    newest: dict[str, float] = {}
    for line in scored[-1:]:
        newest |= line.values
    for evaluation in evaluations[-1:]:
        newest |= evaluation.means
    yield from _nothing(newest)
    for name in scored[-1].values if scored else ():
        if _last(name) == DISTANCE:
            yield from _not_falling(
                name, [each.values[name] for each in scored if name in each.values]
            )


def _nothing(scores: Mapping[str, float]) -> Iterator[str]:
    for name, value in scores.items():
        if _last(name) in MEANING and value < NOTHING:
            yield f"{name} is {value:.4f}: {MEANING[_last(name)]}."


def _not_falling(name: str, values: Sequence[float]) -> Iterator[str]:
    if len(values) < FEWEST:
        return
    first, least, last = values[0], min(values), values[-1]
    if last >= first:
        yield f"{name} is {last:.4g}, no smaller than {first:.4g} at first; smaller is better."
    elif least > 0 and last >= LOST * least:
        yield f"{name} is {last:.4g}, after {least:.4g} at its best; smaller is better."


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def copies_called_out(copies: Copies) -> str | None:
    """Return a warning if a generator repeats its training set.

    The rule: at least 5 % of the generated images are copies, and 5 percentage points more than
    of real images among the others. So a training set with many near-repeats of its own accuses
    nobody, and neither does one unlucky image.
    """
    if copies.percent < MANY_PERCENT + copies.real_percent:
        return None
    images = "training image" if copies.repeated == 1 else "different training images"
    return (
        f"The generator repeats its training set: {copies.copies:,} of {copies.generated:,} "
        f"generated images ({copies.percent:.0f} %) are copies of {copies.repeated:,} {images}; "
        f"among real images {copies.real_percent:.0f} % are that near to another. {CAUTION}"
    )


def scores_called_out(scores: Mapping[str, object]) -> str | None:
    """Return the same warning by a run's newest scores.

    The rule: a score called `copies-pct`, a percentage of generated images that are closer to a
    training image than nearly all of these are to each other, is at least 5.
    """
    found = [
        float(value)
        for name, value in scores.items()
        if name.rpartition("/")[2] == COPIES_SCORE and isinstance(value, int | float)
    ]
    share = max(found, default=0.0)
    if share < MANY_PERCENT:
        return None
    return (
        f"The generator repeats its training set: by its scores, {share:.0f} % of its images are "
        f"copies of training images. {CAUTION}"
    )
