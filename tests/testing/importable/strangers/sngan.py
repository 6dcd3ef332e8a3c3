"""SNGAN: residual blocks and a projection discriminator (Miyato et al. 2018)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

if TYPE_CHECKING:
    from gantool import ImageShape


class ConditionalBatchNorm(nn.Module):
    """BatchNorm whose gain and bias are looked up by class; gain 1 and bias 0 at first."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not classes)
        self.gain = nn.Embedding(classes, channels) if classes else None
        self.bias = nn.Embedding(classes, channels) if classes else None
        if self.gain is not None and self.bias is not None:
            nn.init.ones_(self.gain.weight)
            nn.init.zeros_(self.bias.weight)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        x = self.norm(x)
        if self.gain is None or self.bias is None:
            return x
        scaled: Tensor = self.gain(y)[:, :, None, None] * x + self.bias(y)[:, :, None, None]
        return scaled


class GenBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, classes: int) -> None:
        super().__init__()
        self.norm1 = ConditionalBatchNorm(inputs, classes)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = ConditionalBatchNorm(outputs, classes)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        h = F.interpolate(F.relu(self.norm1(x, y)), scale_factor=2)
        h = self.conv2(F.relu(self.norm2(self.conv1(h), y)))
        added: Tensor = h + self.shortcut(F.interpolate(x, scale_factor=2))
        return added


class Generator(nn.Module):
    def __init__(self, image: ImageShape, latent_dim: int, width: int, classes: int) -> None:
        super().__init__()
        ups = (image.height // 4).bit_length() - 1
        widths = [width * 2 ** max(ups - 1 - i, 0) for i in range(ups + 1)]
        self.l1 = nn.Linear(latent_dim, 16 * widths[0])
        pairs = pairwise(widths)
        self.blocks = nn.ModuleList(GenBlock(a, b, classes) for a, b in pairs)
        self.norm = nn.BatchNorm2d(widths[-1])
        self.out = nn.Conv2d(widths[-1], image.channels, 3, padding=1)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        x = self.l1(z).view(len(z), -1, 4, 4)
        for block in self.blocks:
            x = block(x, y)
        return torch.tanh(self.out(F.relu(self.norm(x))))


class DisBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, first: bool, down: bool) -> None:
        super().__init__()
        self.first, self.down = first, down
        self.conv1 = spectral_norm(nn.Conv2d(inputs, outputs, 3, padding=1))
        self.conv2 = spectral_norm(nn.Conv2d(outputs, outputs, 3, padding=1))
        self.shortcut = spectral_norm(nn.Conv2d(inputs, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        h = h + self.shortcut(x)
        return F.avg_pool2d(h, 2) if self.down else h


class Discriminator(nn.Module):
    def __init__(self, image: ImageShape, width: int, classes: int) -> None:
        super().__init__()
        downs = (image.height // 4).bit_length() - 1
        widths = [image.channels, *(width * 2 ** min(i, 3) for i in range(downs + 1))]
        self.blocks = nn.ModuleList(
            DisBlock(a, b, first=i == 0, down=i < downs)
            for i, (a, b) in enumerate(pairwise(widths))
        )
        self.l1 = spectral_norm(nn.Linear(widths[-1], 1))
        self.embed = spectral_norm(nn.Embedding(classes, widths[-1])) if classes else None

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return F.relu(x).sum((2, 3))

    def head(self, h: Tensor, y: Tensor | None = None) -> Tensor:
        out: Tensor = self.l1(h).squeeze(1)
        return out if self.embed is None else out + (self.embed(y) * h).sum(1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.head(self.features(x, y), y)
