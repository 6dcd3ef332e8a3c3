"""Promises of every metric, tried on random evidence."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any
from unittest import SkipTest

import torch
from torch import Tensor

from gantool.errors import UsageError
from gantool.interfaces.metric import DIRECTIONS, Evidence, EvidenceShape, Samples
from gantool.testing.harness.isolation import (
    global_random_state,
    global_random_state_kept,
    seed_global_random_state,
)
from gantool.testing.promises import BrokenPromise, promise, require, with_options

if TYPE_CHECKING:
    from gantool.interfaces.metric import Metric
    from gantool.testing.promises import Subject

CHANNELS = (1, 3, 4)
SCORE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
SOME_EXTRACTOR = "some-extractor"
TRIES = 8
"""Seeds over which scores are averaged."""
SPREADS = 6.0
"""Standard errors within which a difference counts as chance."""
ROUNDING = 1e-4
COUNT = 64
"""Images of each sort."""
SIDE = 16
CLASSES = 2
PARTS = ("held-out images", "logits", "labels", "a generator")
"""Parts of the evidence that may be missing."""
FEATURES = 16
LOGITS = 10
KIND = 40
"""Images of the first of two kinds."""


@promise("metric")
def says_which_way_is_better(subject: Subject[Metric]) -> None:
    """Its `direction` is "lower", "higher" or "none"."""
    direction = getattr(subject.component, "direction", None)
    require(direction in DIRECTIONS, f"`direction` is {direction!r}")


@promise("metric")
def gives_finite_scores(subject: Subject[Metric]) -> None:
    """Its scores are finite floats by name, at least one."""
    metric = subject.example()
    _require_finite(_scores(metric, gather(pictures(1))), "")


@promise("metric")
def judges_what_it_accepts(subject: Subject[Metric]) -> None:
    """Evidence that `check` accepts is judged: of few images, or without one of its parts."""
    metric = subject.example()
    for count in (2, 8, 64):
        for missing in ("", *PARTS):
            evidence = gather(pictures(1, count=count), without=missing)
            try:
                metric.check(shape_of(evidence))
            except UsageError:
                continue
            how = f"of {count} images" + f" without {missing}" * bool(missing)
            _require_finite(metric.compute(evidence), how)


def _has_direction(component: type[Metric]) -> bool:
    return getattr(component, "direction", None) in DIRECTIONS[:2]


@promise("metric", when=_has_direction)
def tells_good_from_bad(subject: Subject[Metric]) -> None:
    """Its first score is better for fakes like the real images than for dark and equal ones."""
    metric = subject.example()
    good, bad = (
        next(iter(_scores(metric, gather(fakes)).values()))
        for fakes in (pictures(1), dull_pictures())
    )
    better = good < bad if metric.direction == "lower" else good > bad
    way = f"{metric.direction} is better"
    require(better, f"{way}, but good fakes score {good:.6g} and bad ones {bad:.6g}")


@promise("metric")
def depends_on_the_seed_alone(subject: Subject[Metric]) -> None:
    """The same evidence and seed give the same scores; no other randomness is used or changed."""
    metric = subject.example()
    scores = []
    for seed in (1, 2):
        evidence = gather(pictures(1))
        with global_random_state_kept():
            seed_global_random_state(seed)
            before = global_random_state()
            scores.append(_scores(metric, evidence))
            drawn = global_random_state() != before
        require(not drawn, "it draws from a global random state; use evidence.random")
    require(scores[0] == scores[1], f"the same evidence scores {scores[0]} and then {scores[1]}")


@promise("metric")
def ignores_the_order(subject: Subject[Metric]) -> None:
    """The same images in another order score the same, or within what the seed alone changes."""
    metric = subject.example()
    chance = torch.Generator().manual_seed(0)
    orders = [list(range(COUNT)), list(reversed(range(COUNT)))]
    orders += [torch.randperm(COUNT, generator=chance).tolist() for _ in range(2)]
    for among in ("fake", "real", "held_out"):
        first, *others = [_tries(metric, mixed(order, among)) for order in orders]
        for other in others:
            for name, (mean, spread) in first.items():
                again, other_spread = other[name]
                allowed = SPREADS * math.hypot(spread, other_spread) + ROUNDING * (1 + abs(mean))
                near = abs(again - mean) <= allowed
                finding = f"with the {among} images in another order, '{name}' is {again:.6g}"
                require(near, f"{finding} instead of {mean:.6g}")


def _tries(metric: Metric, evidence: Evidence) -> dict[str, tuple[float, float]]:
    """Return means of scores over some seeds, with the standard errors of these means."""
    tries = []
    for seed in range(TRIES):
        tries.append(_scores(metric, replace(evidence, random=torch.Generator().manual_seed(seed))))
    columns = {name: [scores[name] for scores in tries] for name in tries[0]}
    return {
        name: (fmean(column), stdev(column) / math.sqrt(TRIES)) for name, column in columns.items()
    }


@promise("metric")
def leaves_the_evidence_alone(subject: Subject[Metric]) -> None:
    """It changes nothing in the evidence, which other metrics use after it."""
    given, untouched = gather(pictures(1)), gather(pictures(1))
    _scores(subject.example(), given)
    for what in ("real", "fake", "held_out"):
        now, before = getattr(given, what), getattr(untouched, what)
        for part in ("images", "features", "logits", "labels"):
            same = torch.equal(getattr(now, part), getattr(before, part))
            require(same, f"it changes the {part} of the {what} samples")


@promise("metric")
def judges_any_channels(subject: Subject[Metric]) -> None:
    """Images of 1, 3 and 4 channels are judged."""
    metric = subject.example()
    for channels in CHANNELS:
        evidence = gather(pictures(1, channels=channels))
        _require_finite(_scores(metric, evidence), f"of {channels} channels")


@promise("metric")
def names_its_scores(subject: Subject[Metric]) -> None:
    """`score_name` is a word for any extractor, and `remarks` are texts."""
    metric = subject.example()
    for extractor in (None, SOME_EXTRACTOR):
        name = metric.score_name(extractor)
        require(SCORE_NAME.fullmatch(name) is not None, f"its score is called {name!r}")
    evidence = gather(pictures(1))
    remarks: object = metric.remarks(_scores(metric, evidence), shape_of(evidence))
    texts = isinstance(remarks, tuple) and all(isinstance(remark, str) for remark in remarks)
    require(texts, f"`remarks` returns {remarks!r}")


def _portions(component: type[Metric]) -> list[str]:
    """Return the options that say how many images are worked on at a time."""
    return [name for name in component.model_fields if "batch" in name or "chunk" in name]


@promise("metric", when=lambda component: bool(_portions(component)))
def ignores_its_portions(subject: Subject[Metric]) -> None:
    """Options that say how many images are worked on at a time change no score."""
    metric = subject.example()
    scores = _scores(metric, gather(pictures(1)))
    for option in _portions(subject.component):
        others = _scores(with_options(metric, **{option: 7}), gather(pictures(1)))
        near = others.keys() == scores.keys() and all(
            math.isclose(others[name], score, rel_tol=1e-4, abs_tol=1e-6)
            for name, score in scores.items()
        )
        require(near, f"with {option} = 7 it scores {others} instead of {scores}")


def _scores(metric: Metric, evidence: Evidence) -> dict[str, float]:
    """Return the scores."""
    try:
        metric.check(shape_of(evidence))
    except UsageError as error:
        message = f"the evidence of this check is refused: {error.message}"
        raise SkipTest(message) from error
    return metric.compute(evidence)


def _require_finite(scores: object, how: str) -> None:
    """Go on if scores are finite floats by name."""
    if not isinstance(scores, dict) or not scores:
        raise BrokenPromise(f"its scores {how} are {scores!r}")
    for name, score in scores.items():
        require(isinstance(name, str) and name != "", f"a score is named {name!r}")
        finite = type(score) is float and math.isfinite(score)
        require(finite, f"the score '{name}' {how} is {score!r}, not a finite float")


REAL, HELD_OUT, FLAT = 101, 102, 103
"""Seeds of pictures other than fakes."""


def gather(fake: Tensor, *, without: str = "") -> Evidence:
    """Return evidence on fakes, uint8 [N, C, H, W], without one of `PARTS`."""
    count, channels = len(fake), fake.shape[1]
    unseen = pictures(HELD_OUT, channels=channels, count=count)
    labels = None if without == "labels" else torch.arange(count) % CLASSES
    samples = partial(_samples, logits=without != "logits", labels=labels)
    return Evidence(
        real=samples(pictures(REAL, channels=channels, count=count)),
        fake=samples(fake),
        held_out=None if without == "held-out images" else samples(unseen),
        random=torch.Generator().manual_seed(0),
        generator=None if without == "a generator" else Waves(channels, without != "labels"),
    )


@dataclass(frozen=True)
class Waves:
    """A generator of smooth waves, of N channels. Implements `gantool.Sampler`."""

    channels: int
    conditional: bool
    latent_dim: int = 3

    @property
    def classes(self) -> int:
        """Number of classes, whose waves are shifted against each other."""
        return CLASSES if self.conditional else 0

    def __call__(self, latents: Tensor, labels: Tensor | None = None, /) -> Samples:
        """Return images of latents [N, 3]: slopes and phase of waves."""
        phases = latents[:, 2] + (0 if labels is None else labels)
        parts = [part[:, None, None, None] for part in (latents[:, 0], latents[:, 1], phases)]
        images = _waves(*parts).expand(-1, self.channels, -1, -1)
        return _samples(images.contiguous(), logits=True, labels=labels)


def mixed(order: Sequence[int], among: str) -> Evidence:
    """Return evidence in which one sort of images is of two kinds, in some order."""
    evidence = gather(pictures(1))
    flat = pictures(FLAT) // 8 + 112
    both = torch.cat([getattr(evidence, among).images[:KIND], flat[KIND:]])
    labels = (torch.arange(COUNT) % CLASSES)[order]
    parts: dict[str, Any] = {among: _samples(both[order], logits=True, labels=labels)}
    return replace(evidence, **parts)


def shape_of(evidence: Evidence) -> EvidenceShape:
    """Return how much evidence there is."""
    held_out, logits, generator = evidence.held_out, evidence.fake.logits, evidence.generator
    return EvidenceShape(
        real=len(evidence.real.images),
        fake=len(evidence.fake.images),
        held_out=0 if held_out is None else len(held_out.images),
        features=evidence.real.features.shape[1],
        logits=0 if logits is None else logits.shape[1],
        classes=0 if evidence.fake.labels is None else CLASSES,
        latent_dim=0 if generator is None else generator.latent_dim,
    )


def pictures(seed: int, *, channels: int = 3, count: int = COUNT) -> Tensor:
    """Draw images of one distribution, smooth waves of any direction; uint8 [N, C, H, W]."""
    chance = torch.Generator().manual_seed(seed)
    slopes = 2 * torch.randn(2, count, channels, 1, 1, generator=chance)
    phases = 6 * torch.rand(count, channels, 1, 1, generator=chance)
    return _waves(slopes[0], slopes[1], phases)


def _waves(down: Tensor, across: Tensor, phases: Tensor) -> Tensor:
    """Return waves of slopes and phases [N, C, 1, 1], uint8 [N, C, H, W]."""
    place = torch.linspace(0, 1, SIDE)
    waves = (down * place[:, None] + across * place + phases).sin()
    return (127.5 + 100 * waves).round().to(torch.uint8)


def dull_pictures() -> Tensor:
    """Draw bad images, dark and nearly equal; uint8 [N, 3, H, W]."""
    chance = torch.Generator().manual_seed(1)
    return torch.randint(0, 4, (COUNT, 3, SIDE, SIDE), dtype=torch.uint8, generator=chance)


def _samples(images: Tensor, *, logits: bool, labels: Tensor | None) -> Samples:
    """Return images with features and logits of a fixed random network."""
    chance = torch.Generator().manual_seed(2)
    values = images.flatten(1).float() / 127.5 - 1  # [N, C * H * W]
    weights = torch.randn(values.shape[1], FEATURES, generator=chance) / values.shape[1] ** 0.5
    features = (values @ weights).tanh()  # [N, F]
    own = None if labels is None else labels.clone()
    classifier = 4 * torch.randn(FEATURES, LOGITS, generator=chance)
    return Samples(images, features, features @ classifier if logits else None, own)
