"""Figures, times, names and protocols as people read them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gantool.runs.scores import Protocol, Score

PENALTY = "penalty/"
LABELS = {
    "discriminator_loss": "D loss",
    "generator_loss": "G loss",
    "real_score": "D(real)",
    "fake_score": "D(fake)",
    "discriminator_gradient_norm": "D gradient",
    "generator_gradient_norm": "G gradient",
}
"""Short names of what every run records."""
SCORES = {"discriminator": "real_score", "generator": "fake_score"}
"""The recorded probability that tells most about a player: D(x) of its images."""


def format_figure(value: float) -> str:
    """Return a number in at most eight characters, with four or five digits that matter."""
    size = abs(value)
    if not math.isfinite(value):
        return str(value)
    if size >= 99_999 or 0 < size < 1e-3:
        return f"{value:.1e}"
    decimals = 4 if size < 10 else 3 if size < 100 else 2 if size < 1e3 else 1
    return f"{value:.{decimals}f}"


def format_recorded(name: str, value: float) -> str:
    """Return a recorded figure as its name asks: probabilities with three decimals."""
    return f"{value:.3f}" if name in SCORES.values() else format_figure(value)


def score_cells(score: Score) -> tuple[str, str, str, str, str]:
    """Return name, mean, deviation, floor and better direction; empty is what there is not."""
    mean, sd, floor = (
        "" if each is None else format_figure(each) for each in (score.mean, score.sd, score.floor)
    )
    better = "" if score.direction == "none" else score.direction
    return score.name, mean, sd and f"± {sd}", floor, better


def format_tick(value: float) -> str:
    """Return a round number as it stands beside an axis."""
    size = abs(value)
    if size >= 1e6 or 0 < size < 1e-4:
        return f"{value:.3g}"
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def format_duration(seconds: float) -> str:
    """Return a time in its two leading units, as in "4 h 50 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def figure_label(name: str) -> str:
    """Return how a recorded figure is called in short, as in "r1 penalty"."""
    if name.startswith(PENALTY):
        return f"{name.removeprefix(PENALTY)} penalty"
    return LABELS.get(name, name.replace("_", " "))


def scores_in_words(scores: Mapping[str, float]) -> str:
    """Return scores by name in a line, as in "fid/distance 12.345"."""
    return "  ".join(f"{name} {format_figure(value)}" for name, value in scores.items())


UNKNOWN = "nobody noted how these scores were obtained: compare them with no others"
WEIGHTS = {"ema": "averaged", "raw": "raw"}


def protocol_lines(
    step: int, protocol: Protocol | None, names: Iterable[str], *, floors: bool = True
) -> Iterator[str]:
    """Yield how scores of a checkpoint were obtained, in words.

    `floors` says whether there are scores of real images against real ones.
    """
    if protocol is None:
        yield UNKNOWN
        return
    seeds = ", ".join(map(str, protocol.seeds))
    yield (
        f"generated: {protocol.fake:,} images, {WEIGHTS[protocol.generator]} weights after "
        f"{step:,} steps, sampling seed{'s' * (len(protocol.seeds) > 1)} {seeds}"
    )
    yield f"real: {real_images(protocol)}"
    yield f"features: {protocol.extractor}; gantool {protocol.gantool}"
    if floors:
        yield (
            f"real vs real: {protocol.real // 2:,} training images against as many others, which "
            "is as good as a score gets"
        )
    yield from names_in_words(names, protocol)


def real_images(protocol: Protocol) -> str:
    """Return which real images generated ones were compared with."""
    held_out = f", {protocol.held_out:,} held out" if protocol.held_out else ""
    return f"{protocol.real:,} training images of '{protocol.dataset}'{held_out}, {protocol.image}"


def names_in_words(names: Iterable[str], protocol: Protocol) -> Iterator[str]:
    """Yield which metrics scores are of, where they are called by another name."""
    from gantool.evaluation.scoring.metrics import metric_called

    for prefix in dict.fromkeys(name.partition("/")[0] for name in names):
        if (metric := metric_called(prefix, protocol.extractor.name)) is not None:
            yield f"{prefix}: metric '{metric}' with the features of {protocol.extractor.name}"
