"""The operations of DiffAugment (Zhao et al. 2020, appendix), each on images [N, C, H, W]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from gantool import Random

COLORS = 3
"""Channels that have a color; a fourth one is transparency."""


def sometimes(changed: Tensor, images: Tensor, random: Random, probability: Tensor) -> Tensor:
    """Return each changed image with a probability, else the image as it was, [N, C, H, W]."""
    applied = random.uniform(len(images), 1, 1, 1) < probability  # [N, 1, 1, 1]
    return torch.where(applied, changed, images)


def jittered(images: Tensor, random: Random) -> Tensor:
    """Change brightness, then saturation, then contrast."""
    colors, rest = images[:, :COLORS], images[:, COLORS:]
    count = len(images)
    colors = colors + random.uniform(count, 1, 1, 1) - 0.5
    gray = colors.mean(1, keepdim=True)  # [N, 1, H, W]
    colors = gray + 2 * random.uniform(count, 1, 1, 1) * (colors - gray)
    mean = colors.mean((1, 2, 3), keepdim=True)  # [N, 1, 1, 1]
    colors = mean + (random.uniform(count, 1, 1, 1) + 0.5) * (colors - mean)
    return torch.cat([colors, rest], 1)


def shifted(images: Tensor, random: Random, largest: float) -> Tensor:
    """Shift by whole pixels, up to a share of the side; what comes in is zero."""
    for dimension in (2, 3):
        side = images.shape[dimension]
        limit = int(largest * side + 0.5)
        shift = random.integers(-limit, limit + 1, len(images), 1)  # [N, 1]
        source = torch.arange(side, device=images.device) - shift  # [N, side]
        inside = _along((source >= 0) & (source < side), dimension)
        index = _along(source.clamp(0, side - 1), dimension)
        images = images.take_along_dim(index, dimension) * inside
    return images


def cut(images: Tensor, random: Random, size: float) -> Tensor:
    """Set a rectangle to zero whose center lies anywhere in the image."""
    covered = []
    for dimension in (2, 3):
        side = images.shape[dimension]
        length = int(size * side + 0.5)
        center = random.integers(0, side + 1 - length % 2, len(images), 1)  # [N, 1]
        start = center - length // 2
        place = torch.arange(side, device=images.device)
        covered.append(_along((place >= start) & (place < start + length), dimension))
    return images * ~(covered[0] & covered[1])


def _along(values: Tensor, dimension: int) -> Tensor:
    """Give values [N, side] the shape [N, 1, side, 1] or [N, 1, 1, side]."""
    return values[:, None, :, None] if dimension == 2 else values[:, None, None, :]
