"""Views of an image between which a discriminator should see no difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from gantool import Random


def flipped(images: Tensor, random: Random, probability: float) -> Tensor:
    """Mirror each image [N, C, H, W] with a probability."""
    mirrored = random.uniform(len(images), 1, 1, 1) < probability
    return torch.where(mirrored, images.flip(3), images)


def shifted(images: Tensor, random: Random, largest: float) -> Tensor:
    """Shift each image by whole pixels up to a share of its sides, reflected at the border."""
    for dimension in (2, 3):
        side = images.shape[dimension]
        limit = min(int(largest * side + 0.5), side - 1)
        shift = random.integers(-limit, limit + 1, len(images), 1)  # [N, 1]
        place = (torch.arange(side, device=images.device) - shift).abs()
        place = torch.minimum(place, 2 * (side - 1) - place)  # [N, side]
        index = place[:, None, :, None] if dimension == 2 else place[:, None, None, :]
        images = images.take_along_dim(index, dimension)
    return images
