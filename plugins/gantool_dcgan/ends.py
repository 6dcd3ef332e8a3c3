"""The layers at the networks' ends, whose kernels are whole maps: each is a matrix product.

Libraries take them for convolutions over many places. On two CPU cores, forwards and backwards,
the product takes a third of the time behind the latents and a tenth before the logits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from typing_extensions import override


class FromVectors(nn.ConvTranspose2d):
    """The transposed convolution of maps of one place: [N, C, 1, 1] to [N, D, H, W]."""

    @override
    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        del output_size  # the kernel's
        weight = self.weight  # [C, D, H, W]; a parametrization may have to compute it
        ends_in_channels = _ends_in_channels(weight)
        kernel = weight.permute(0, 2, 3, 1) if ends_in_channels else weight
        maps = (input.flatten(1) @ kernel.flatten(1)).view(-1, *kernel.shape[1:])
        if ends_in_channels:
            maps = maps.permute(0, 3, 1, 2)
        return maps if self.bias is None else maps + self.bias[:, None, None].to(maps.dtype)


class ToVectors(nn.Conv2d):
    """The convolution by a kernel as large as the maps: [N, C, H, W] to [N, D, 1, 1]."""

    @override
    def forward(self, input: Tensor) -> Tensor:
        weight = self.weight  # [D, C, H, W]
        if _ends_in_channels(weight):
            input, weight = (each.permute(0, 2, 3, 1) for each in (input, weight))
        vectors = nn.functional.linear(input.flatten(1), weight.flatten(1), self.bias)  # [N, D]
        return vectors[:, :, None, None]


def _ends_in_channels(weight: Tensor) -> bool:
    """Whether channels are innermost in memory."""
    return weight.is_contiguous(memory_format=torch.channels_last)
