"""Linear maps of colors around the axis of grays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from gantool_augmentation.geometry import product

if TYPE_CHECKING:
    from torch import Tensor

COLORS = 3
"""Channels that have a color; a fourth one is transparency."""


def recoloring(contrast: Tensor, flipped: Tensor, hue: Tensor, saturation: Tensor) -> Tensor:
    """Return the map that changes contrast, luma, hue and saturation in turn, [N, 3, 3].

    Args:
        contrast: Factor of every color, [N].
        flipped: 1 where light and dark change places, else 0, [N].
        hue: Angle around the axis of grays, [N].
        saturation: Factor of the distance from that axis, [N].
    """
    identity = torch.eye(COLORS, dtype=hue.dtype, device=hue.device)
    gray = torch.full_like(identity, 1 / COLORS)  # v v^T of the axis v = (1, 1, 1) / sqrt(3)
    cross = (identity.roll(-1, 1) - identity.roll(1, 1)) / math.sqrt(COLORS)  # v x
    contrast, flipped, hue, saturation = (
        value[:, None, None] for value in (contrast, flipped, hue, saturation)
    )
    turned = hue.cos() * identity + hue.sin() * cross + (1 - hue.cos()) * gray  # Rodrigues
    saturated = gray + saturation * (identity - gray)
    scaled = contrast * (identity - 2 * flipped * gray)  # Householder
    return product(saturated, product(turned, scaled))


def recolored(images: Tensor, brightness: Tensor, matrix: Tensor) -> Tensor:
    """Return images whose colors were shifted by [N] and then mapped by [N, 3, 3].

    Gray images [N, 1, H, W] are taken as three equal colors, of which the mean remains;
    transparency stays as it is.
    """
    colors = images[:, :COLORS] + brightness[:, None, None, None]
    if images.shape[1] == 1:
        return matrix.sum((1, 2))[:, None, None, None] / COLORS * colors
    mapped = (matrix[:, :, :, None, None] * colors[:, None]).sum(2)  # [N, 3, H, W]
    return torch.cat([mapped, images[:, COLORS:]], 1)
