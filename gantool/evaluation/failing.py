"""Scores that say that a run has failed, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gantool.runs.scores import Judged, Scored

SHARES = ("recall", "coverage", "precision", "density")
"""Last parts of names of scores of which 0 means that generated and real images have nothing in
common; near 1 is what real images have."""
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


def bad_scores(scored: Sequence[Scored], judged: Sequence[Judged]) -> Iterator[str]:
    """Yield what the newest scores say that is bad, a sentence each.

    The rules: a share of which 0 means nothing is below 0.01; a distance, scored three times or
    more in training, is no smaller than at first, or twice its least.

    Args:
        scored: Scores in training, in order.
        judged: Evaluations of checkpoints, in order.
    """
    newest: dict[str, float] = {}
    for line in (*(each.values for each in scored[-1:]), *(each.means for each in judged[-1:])):
        newest.update(line)
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
