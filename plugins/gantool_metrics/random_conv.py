"""Features of no meaning that need no download: convolutions with fixed random weights."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional
from typing_extensions import override

if TYPE_CHECKING:
    from torch import Tensor

WIDTHS = (3, 32, 64, 128)
SEED = 0
LEVELS = 127
"""Weights are whole numbers up to this before scaling: those are the same on every machine."""


class RandomConvolutions(nn.Module):
    """Maps uint8 images [N, 3, H, W] to means and deviations of all channels, [N, 448].

    Each layer halves the image; its weights have mean 0 and the variance of He et al. (2015), which
    keeps the size of the values.
    """

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(SEED)
        self.layers = nn.ModuleList(
            _convolution(inside, outside, random) for inside, outside in pairwise(WIDTHS)
        )

    @override
    def forward(self, images: Tensor) -> Tensor:
        maps = images.float() / 127.5 - 1
        found = []
        for layer in self.layers:
            maps = functional.leaky_relu(layer(maps), 0.2)  # [N, channels, H / 2, W / 2]
            deviations, means = torch.std_mean(maps, (2, 3), correction=0)
            found += [means, deviations]
        return torch.cat(found, 1)


def _convolution(inside: int, outside: int, random: torch.Generator) -> nn.Conv2d:
    """Return a 3x3 convolution with uniform weights of variance 2 / (9 · inside)."""
    layer = nn.Conv2d(inside, outside, 3, stride=2, padding=1, bias=False)
    drawn = torch.randint(-LEVELS, LEVELS + 1, layer.weight.shape, generator=random)
    layer.weight = nn.Parameter(drawn * ((6 / (9 * inside)) ** 0.5 / LEVELS), requires_grad=False)
    return layer
