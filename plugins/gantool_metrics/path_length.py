"""How far features move when latents do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from gantool import Sampler

AT_ONCE = 64
"""Pairs of images that are drawn together."""


def path_lengths(
    generator: Sampler, *, pairs: int, epsilon: float, random: torch.Generator
) -> Tensor:
    """Return squared lengths of path elements, in units of the path's (Karras et al. 2019, eq. 2).

    d(G(slerp(z1, z2; t)), G(slerp(z1, z2; t + epsilon))) / epsilon^2, t uniform in [0, 1), where d
    is the mean squared difference of features.

    Args:
        generator: Draws the images; where it has classes, each pair is of one by chance.
        pairs: How many elements.
        epsilon: How long each is.
        random: Draws z1, z2, t and classes.

    Returns:
        float64 [pairs].
    """
    lengths = []
    for start in range(0, pairs, AT_ONCE):
        count = min(AT_ONCE, pairs - start)
        first, second = torch.randn(2, count, generator.latent_dim, generator=random)
        place = torch.rand(count, 1, generator=random)
        labels = None
        if generator.classes:
            labels = torch.randint(generator.classes, (count,), generator=random)
        here, there = (
            generator(slerp(first, second, at), labels).features.double()
            for at in (place, place + epsilon)
        )  # [n, F]
        lengths.append((here - there).square().mean(1) / epsilon**2)
    return torch.cat(lengths)


def slerp(first: Tensor, second: Tensor, place: Tensor) -> Tensor:
    """Return points on the great circle through two directions (Shoemake 1985), [N, F].

    As in the original code, they have length 1 times the root of F: N(0, 1)'s in many dimensions.

    Args:
        first: [N, F].
        second: [N, F].
        place: 0 for the first, 1 for the second, [N, 1].
    """
    first, second = (each / each.norm(dim=1, keepdim=True) for each in (first, second))
    cosine = (first * second).sum(1, keepdim=True)  # [N, 1]
    aside = second - cosine * first
    aside = aside / aside.norm(dim=1, keepdim=True).clamp_min(1e-12)
    angle = place * cosine.clamp(-1, 1).acos()
    points: Tensor = (first * angle.cos() + aside * angle.sin()) * math.sqrt(first.shape[1])
    return points
