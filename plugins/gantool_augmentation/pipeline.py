"""The augmentations of ADA (Karras et al. 2020, appendix B), each drawn with probability p."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import torch

from gantool_augmentation.colors import recolored, recoloring
from gantool_augmentation.geometry import product, resampled, rotation, scaling, translation

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor

    from gantool import Random


@dataclass(frozen=True)
class Chance:
    """Draws for `count` images, each of which is replaced by a neutral value in 1 - p of them.

    What belongs together, as the two directions of a shift, is drawn at once: one gate an image.
    """

    random: Random
    count: int
    probability: Tensor

    def normal(self, deviation: float, *shape: int) -> Tensor:
        """Draw from N(0, deviation^2), or give 0; [N, *shape]."""
        return self._or_zero(deviation * self.random.normal(self.count, *shape), self.probability)

    def centered(self, limit: float, *shape: int) -> Tensor:
        """Draw from U[-limit, limit), or give 0; [N, *shape]."""
        drawn = self.random.uniform(self.count, *shape)
        return self._or_zero(limit * (2 * drawn - 1), self.probability)

    def choice(self, options: int) -> Tensor:
        """Draw one of 0, 1, ..., options - 1, or give 0; [N]."""
        drawn = self.random.integers(0, options, self.count)
        return self._or_zero(drawn.to(self.probability.dtype), self.probability)

    def half_angle(self) -> Tensor:
        """Draw an angle, or give 0, so that one of two such draws is not 0 with probability p."""
        angle = math.pi * (2 * self.random.uniform(self.count) - 1)
        return self._or_zero(angle, 1 - (1 - self.probability).sqrt())

    def _or_zero(self, value: Tensor, probability: Tensor) -> Tensor:
        """Keep the values of an image, [N, ...], all of them or none."""
        gate = self.random.uniform(self.count, *[1] * (value.dim() - 1))
        return torch.where(gate < probability, value, torch.zeros_like(value))


def augmented(
    images: Tensor, random: Random, probability: Tensor, groups: Collection[str]
) -> Tensor:
    """Return augmented images [N, C, H, W].

    Args:
        images: [N, C, H, W] in [-1, 1].
        random: Where draws come from.
        probability: p, a scalar.
        groups: Which of "blit", "geometry" and "color".
    """
    chance = Chance(random, len(images), probability)
    height, width = images.shape[2:]
    moves = [
        *(blits(chance, height, width) if "blit" in groups else ()),
        *(geometry(chance, height, width) if "geometry" in groups else ()),
    ]
    if moves:
        images = resampled(images, reduce(product, moves))
    if "color" in groups:
        images = recolored(images, chance.normal(0.2), color(chance))
    return images


def blits(chance: Chance, height: int, width: int) -> list[Tensor]:
    """Mirror, turn by 90 degrees, shift by whole pixels: inverse matrices [N, 3, 3]."""
    mirrored = 1 - 2 * chance.choice(2)
    quarter_turns = chance.choice(4)
    right, down = chance.centered(0.125, 2).unbind(1)
    return [
        scaling(mirrored, torch.ones_like(mirrored)),
        rotation(quarter_turns * math.pi / 2).round(),
        translation((right * width).round(), (down * height).round()),
    ]


def geometry(chance: Chance, height: int, width: int) -> list[Tensor]:
    """Scale, turn, stretch, turn, shift: inverse matrices [N, 3, 3]."""
    scale, stretch = chance.normal(0.2).exp2(), chance.normal(0.2).exp2()
    right, down = chance.normal(0.125, 2).unbind(1)
    return [
        scaling(scale, scale),
        rotation(chance.half_angle()),
        scaling(stretch, 1 / stretch),
        rotation(chance.half_angle()),
        translation(right * width, down * height),
    ]


def color(chance: Chance) -> Tensor:
    """Change contrast, luma, hue and saturation: matrices [N, 3, 3]."""
    return recoloring(
        contrast=chance.normal(0.5).exp2(),
        flipped=chance.choice(2),
        hue=chance.centered(math.pi),
        saturation=chance.normal(1.0).exp2(),
    )
