"""Scores that say that a run has failed, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gantool.runs.scores import Evaluation, Scored

SHARES = ("recall", "coverage", "precision", "density")
"""Last parts of names of scores that are 0 where generated and real images have nothing in common,
and near 1 for real images."""
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
        if _last(name) in SHARES and value < NOTHING:
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


MANY_PERCENT = 5.0
"""Copies among generated images from which they are called out: more than chance brings about."""
COPIES_SCORE = "copies-pct"
"""The last part of the name of a score that is a percentage of copies."""
CAUTION = (
    "Scores such as FID cannot see this: a replayed training set has a perfect one. "
    "Do not trust them here."
)


@dataclass(frozen=True)
class Copies:
    """Counts of images that repeat a training image, by the rule of `gantool.evaluation.neighbors`.

    Of the `generated` images looked at, `copies` repeat `repeated` training images; of the `real`
    ones, each looked at among all others, `real_copies` repeat another one.
    """

    generated: int
    copies: int
    repeated: int
    real: int
    real_copies: int

    @property
    def percent(self) -> float:
        """Percentage of copies among the generated images."""
        return 100 * self.copies / self.generated if self.generated else 0.0

    @property
    def real_percent(self) -> float:
        """The same of real images, which tells how many near-repeats the training set holds."""
        return 100 * self.real_copies / self.real if self.real else 0.0


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
