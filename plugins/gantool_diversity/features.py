"""Features of images in a network whose weights are drawn once."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gantool import Frozen

if TYPE_CHECKING:
    from gantool import ImageShape

MOST_LAYERS = 4
SLOPE = 0.2


class RandomLayers(nn.Module):
    """Convolutions with fixed random weights, each halving the image (He et al. 2016).

    Args:
        image: Shape of the images.
        width: Features of each layer.
    """

    def __init__(self, image: ImageShape, width: int) -> None:
        super().__init__()
        halvings = min(image.height, image.width).bit_length() - 1
        channels = [image.channels, *[width] * max(1, min(MOST_LAYERS, halvings))]
        layers = [_layer(*pair) for pair in pairwise(channels)]
        self.layers = nn.ModuleList(Frozen(layer, saved=True) for layer in layers)

    def forward(self, images: Tensor) -> Tensor:
        """Return the mean over each image of all layers' features, [N, layers x width]."""
        found, means = images, []
        for layer in self.layers:
            found = nn.functional.leaky_relu(layer(found), SLOPE)
            means.append(found.mean((2, 3)))  # [N, width]
        return torch.cat(means, 1)


def _layer(inputs: int, outputs: int) -> nn.Module:
    layer = nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1, bias=False)
    nn.init.kaiming_normal_(layer.weight, SLOPE)
    return layer
