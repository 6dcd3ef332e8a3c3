"""Scores of labeled images, and of images drawn on the way from one latent to another."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from gantool import EvidenceShape, Samples, UsageError
from gantool_metrics.metrics import IntraClass, PerceptualPathLength
from gantool_metrics.path_length import path_lengths, slerp
from tests.plugins.metrics.test_kernel import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gantool import Evidence
    from tests.plugins.metrics.conftest import Gather

    Vector = NDArray[np.float64]


def labeled(gather: Gather, random: torch.Generator, labels: list[list[int]]) -> Evidence:
    """Return evidence on real and on fake features with labels."""
    real, fake = (torch.randn(len(each), 4, generator=random) for each in labels)
    evidence = gather(real, fake + 0.5)
    return replace(
        evidence,
        real=replace(evidence.real, labels=torch.tensor(labels[0])),
        fake=replace(evidence.fake, labels=torch.tensor(labels[1])),
    )


def test_intra_class_is_the_mean_over_classes_of_their_own_distances(
    gather: Gather, random: torch.Generator
) -> None:
    evidence = labeled(gather, random, [[0, 1, 0, 2, 1, 1, 0, 3, 3], [1, 0, 1, 0, 0, 2, 2, 3, 1]])
    found = IntraClass(subsets=1).compute(evidence)
    expected = []
    for label in (0, 1):  # of the others, there is a single image here or there
        real, fake = (
            each.features[torch.as_tensor(each.labels) == label].double()
            for each in (evidence.real, evidence.fake)
        )
        assert len(real) == len(fake) == 3
        expected.append(plain(real, fake))
    assert found["distance"] == pytest.approx(sum(expected) / 2, rel=1e-9)
    assert found["worst"] == pytest.approx(max(expected), rel=1e-9)


def test_a_generator_of_the_wrong_classes_cannot_hide(
    gather: Gather, random: torch.Generator
) -> None:
    evidence = labeled(gather, random, [[0, 1] * 30, [0, 1] * 30])
    shift = 4 * torch.as_tensor(evidence.real.labels)[:, None]
    real = replace(evidence.real, features=evidence.real.features + shift)
    right = replace(real, features=real.features[torch.arange(60).roll(2)])
    wrong = replace(real, features=real.features[torch.arange(60).roll(1)])
    scores = [
        IntraClass().compute(replace(evidence, real=real, fake=fake))["distance"]
        for fake in (right, wrong)
    ]
    right_score, wrong_score = scores
    assert right_score < 0.5
    assert wrong_score > 5


def test_labels_are_needed() -> None:
    def shape(classes: int, real: int = 100) -> EvidenceShape:
        return EvidenceShape(real=real, fake=100, held_out=0, features=4, classes=classes)

    IntraClass().check(shape(50))
    with pytest.raises(UsageError, match="needs a conditional run") as caught:
        IntraClass().check(shape(0))
    assert caught.value.hint == "set training.conditional = true"
    with pytest.raises(UsageError, match=r"at least 100 training images .*, got 99"):
        IntraClass().check(shape(50, real=99))


class Cubic:
    """A generator whose features are a cubic map of its latents, and of its labels."""

    latent_dim = 6

    def __init__(self, classes: int = 0) -> None:
        self.classes = classes
        self.drawn: list[tuple[Tensor, Tensor | None]] = []

    def __call__(self, latents: Tensor, labels: Tensor | None = None, /) -> Samples:
        """Return images of latents."""
        self.drawn.append((latents, labels))
        values = latents.double() ** 3
        if labels is not None:
            values = values * (1 + labels[:, None])
        return Samples(torch.zeros(len(latents), 1, 1, 1, dtype=torch.uint8), values, None, labels)


def circle(first: Vector, second: Vector, place: float) -> Vector:
    """Return a point between two of length 1, as Shoemake (1985) has it, in six dimensions."""
    angle = math.acos(first @ second)
    weights = (math.sin((1 - place) * angle), math.sin(place * angle))
    point: Vector = (weights[0] * first + weights[1] * second) / math.sin(angle)
    return math.sqrt(6) * point


def test_path_length_is_the_speed_along_great_circles(random: torch.Generator) -> None:
    epsilon = 1e-4
    state = random.get_state()
    found = path_lengths(Cubic(), pairs=70, epsilon=epsilon, random=random)
    random.set_state(state)
    expected = []
    for count in (64, 6):
        ends = torch.randn(2, count, 6, generator=random).double().numpy()
        places = torch.rand(count, 1, generator=random).double().numpy()
        ends /= np.linalg.norm(ends, axis=2, keepdims=True)
        for first, second, place in zip(*ends, places[:, 0], strict=True):
            before, here, after = (
                circle(first, second, place + step) for step in (-1e-6, 0.0, 1e-6)
            )
            speed = 3 * here**2 * (after - before) / 2e-6  # of features
            expected.append(float(np.mean(speed**2)))
    assert found.tolist() == pytest.approx(expected, rel=0.05)


def test_both_ends_of_an_element_are_of_one_class(random: torch.Generator) -> None:
    generator = Cubic(classes=3)
    path_lengths(generator, pairs=70, epsilon=0.1, random=random)
    for (_, here), (_, there) in zip(generator.drawn[::2], generator.drawn[1::2], strict=True):
        assert here is not None
        assert there is not None
        assert torch.equal(here, there)
    assert set(torch.cat([each for _, each in generator.drawn if each is not None]).tolist()) == {
        0,
        1,
        2,
    }


def test_great_circles_pass_through_both_ends(random: torch.Generator) -> None:
    first, second = torch.randn(2, 5, 8, generator=random)
    for place, end in ((0.0, first), (1.0, second)):
        expected = math.sqrt(8) * end / end.norm(dim=1, keepdim=True)
        assert torch.allclose(slerp(first, second, torch.full((5, 1), place)), expected, atol=1e-5)


def test_elements_at_both_extremes_are_left_out(gather: Gather, random: torch.Generator) -> None:
    metric = PerceptualPathLength(pairs=300, epsilon=1e-3)
    evidence = replace(gather(torch.rand(4, 3), torch.rand(4, 3)), generator=Cubic())
    state = random.get_state()
    lengths = path_lengths(Cubic(), pairs=300, epsilon=1e-3, random=random).sort().values
    random.set_state(state)
    found = metric.compute(evidence)
    assert found == {"length": pytest.approx(float(lengths[3:-3].mean()))}
    with pytest.raises(UsageError, match="needs a generator"):
        metric.check(EvidenceShape(real=9, fake=9, held_out=0, features=3))
