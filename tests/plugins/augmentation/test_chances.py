"""Every augmentation of ADA against the frequency and the distribution that the paper states.

What was drawn is read off the maps that came of it, as in stylegan2-ada-pytorch's `augment.py`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from gantool_augmentation.pipeline import Chance, augmented, blits, color, geometry

if TYPE_CHECKING:
    from collections.abc import Callable

    Cdf = Callable[[Tensor], Tensor]

    from tests.plugins.augmentation.conftest import Seeded

COUNT, HEIGHT, WIDTH = 20_000, 400, 800
LIMIT = 1.95 / math.sqrt(COUNT)
"""Largest gap of a distribution of so many draws from the true one, once in a thousand times."""

Drawn = dict[str, Tensor]


def normal(deviation: float) -> Cdf:
    return lambda value: torch.special.ndtr(value / deviation)


def uniform(limit: float) -> Cdf:
    return lambda value: ((value + limit) / (2 * limit)).clamp(0, 1)


NORMAL = {"scale": 0.2, "stretch": 0.2, "contrast": 0.5, "saturation": 1.0}
"""Standard deviations of the binary logarithms."""


def moves(chance: Chance) -> Drawn:
    """Return what blits and geometry have drawn, neutral as 0."""
    mirror, turn, whole = blits(chance, HEIGHT, WIDTH)
    scale, before, stretch, after, fraction = geometry(chance, HEIGHT, WIDTH)
    size = torch.tensor([WIDTH, HEIGHT])
    return {
        "mirror": (1 - mirror[:, 0, 0]) / 2,
        "turn": (angle(turn) / (math.pi / 2)).round() % 4,
        "whole": -whole[:, :2, 2] / size,
        "scale": -scale[:, 0, 0].log2(),
        "before": angle(before),
        "stretch": -stretch[:, 0, 0].log2(),
        "after": angle(after),
        "fraction": -fraction[:, :2, 2] / size,
    }


def colors(chance: Chance) -> Drawn:
    """Return what a map of colors consists of: along the axis of grays, and around it."""
    matrix = color(chance)
    gray = torch.ones(3, dtype=torch.float64) / math.sqrt(3)
    first = torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64) / math.sqrt(2)
    second = torch.linalg.cross(gray, first)
    along = gray @ matrix @ gray
    x, y = first @ matrix @ first, second @ matrix @ first
    around = torch.atan2(y, x)
    return {
        "luma": (along < 0).double(),
        "contrast": along.abs().log2(),
        "hue": torch.where(around.abs() < 1e-9, 0, around),
        "saturation": (torch.hypot(x, y) / along.abs()).log2(),
    }


def angle(matrix: Tensor) -> Tensor:
    return torch.atan2(matrix[:, 0, 1], matrix[:, 0, 0])


def changed(values: Tensor) -> Tensor:
    """Return which images something was done to, [N]."""
    return values.abs().flatten(1).amax(1) > 1e-9 if values.dim() > 1 else values.abs() > 1e-9


def require_share(values: Tensor, expected: float) -> None:
    """Compare how many images were changed with what five standard errors allow."""
    error = math.sqrt(expected * (1 - expected) / len(values))
    assert abs(changed(values).double().mean().item() - expected) <= 5 * error


def require_distribution(values: Tensor, cdf: Cdf, step: float = 0.0) -> None:
    """Compare the changed images' values with a distribution, by Kolmogorov and Smirnov."""
    found = values[changed(values)].sort().values
    below = torch.arange(len(found), dtype=torch.float64) / len(found)
    assert (cdf(found) - below).abs().max() <= LIMIT * math.sqrt(COUNT / len(found)) + step


def drawn(seeded: type[Seeded], p: float) -> Drawn:
    chance = Chance(seeded(0), COUNT, torch.tensor(p, dtype=torch.float64))
    return {**moves(chance), **colors(chance)}


@pytest.mark.parametrize("p", [0.3, 0.5, 0.8, 1.0])
def test_each_transform_comes_as_often_and_as_strong_as_stated(
    seeded: type[Seeded], p: float
) -> None:
    found = drawn(seeded, p)
    for name in ("mirror", "luma"):
        require_share(found[name], p / 2)  # one of two choices is to do nothing
    require_share(found["turn"], 3 / 4 * p)
    counts = found["turn"].long().bincount(minlength=4)[1:]
    assert counts.max() - counts.min() < 5 * math.sqrt(COUNT * p / 2)
    for name, deviation in NORMAL.items():
        require_share(found[name], p)
        require_distribution(found[name], normal(deviation))
    require_share(found["hue"], p)
    require_distribution(found["hue"], uniform(math.pi))
    for name in ("before", "after"):
        require_share(found[name], 1 - math.sqrt(1 - p))
        require_distribution(found[name], uniform(math.pi))
    require_share(torch.stack([found["before"], found["after"]], 1), p)


@pytest.mark.parametrize("p", [0.3, 0.5, 0.8, 1.0])
def test_an_image_is_shifted_both_ways_or_not_at_all(seeded: type[Seeded], p: float) -> None:
    found = drawn(seeded, p)
    pixel = torch.tensor([1 / WIDTH, 1 / HEIGHT])
    unmoved = [0.5 / (0.125 * side) for side in (WIDTH, HEIGHT)]  # rounded to no pixel at all
    require_share(found["whole"], p * (1 - unmoved[0] * unmoved[1]))
    require_share(found["fraction"], p)
    for axis in (0, 1):
        whole, fraction = found["whole"][:, axis], found["fraction"][:, axis]
        require_share(whole, p * (1 - unmoved[axis]))
        require_share(fraction, p)
        assert whole.abs().max() <= 0.125
        edge = 4 * float(pixel[axis])  # a pixel of a quarter of the side
        require_distribution(whole, uniform(0.125), step=edge)
        require_distribution(fraction, normal(0.125))


def test_transforms_are_drawn_independently(seeded: type[Seeded]) -> None:
    found = drawn(seeded, 0.5)
    found = {name: value for name, value in found.items() if name not in ("before", "after")}
    gates = torch.stack([changed(value).double() for value in found.values()])
    between = torch.corrcoef(gates) - torch.eye(len(gates), dtype=torch.float64)
    assert between.abs().max() < 5 / math.sqrt(COUNT)


@pytest.mark.parametrize("p", [0.3, 1.0])
def test_brightness_comes_with_the_stated_probability(seeded: type[Seeded], p: float) -> None:
    """Black becomes b c or -b c, b ~ N(0, 0.2^2) and c = 2^N(0, 0.5^2) each with probability p."""
    black = torch.zeros(COUNT, 3, 1, 1, dtype=torch.float64)
    probability = torch.tensor(p, dtype=torch.float64)
    found = augmented(black, seeded(0), probability, ("color",))[:, 0, 0, 0]
    require_share(found, p)
    square = 0.04 * (1 - p + p * math.exp(2 * (0.5 * math.log(2)) ** 2))
    assert found[changed(found)].square().mean().item() == pytest.approx(square, rel=0.1)
