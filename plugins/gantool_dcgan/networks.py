"""The two DCGAN networks, for any power-of-two size from 16 to 256."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import Dropout, NoiseSource
from gantool_dcgan.ends import FromVectors, ToVectors

if TYPE_CHECKING:
    from gantool import ImageShape

Network = TypeVar("Network", bound=nn.Module)

LARGEST_FACTOR = 16
"""Channels never exceed this many times the width."""
SPREAD = 0.02
"""Standard deviation of first weights in the paper (section 3)."""


def channels(image: ImageShape, width: int) -> list[int]:
    """Return the channels of each resolution, from beside the image down to the smallest map.

    The shorter side is halved until it is 4: [w, 2w, 4w, 8w] for 64x64.
    """
    halvings = (min(image.height, image.width) // 4).bit_length() - 1
    return [width * min(2**level, LARGEST_FACTOR) for level in range(halvings)]


def smallest_map(image: ImageShape) -> tuple[int, int]:
    """Return height and width of the smallest map: 4 on the shorter side."""
    factor = min(image.height, image.width) // 4
    return image.height // factor, image.width // factor


def _full(values: Tensor) -> Tensor:
    """Return values in float32 where autocast has made them bf16, of 128 levels from 0.5 to 1."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


class ClassScale(nn.Module):
    """A gain and a shift of each channel for each class (Dumoulin et al. 2017, eq. 5).

    A normalization before it keeps what the latents have made as large as ever, whatever the
    classes add. A label beside the latent does not: there BatchNorm is content with the
    differences between classes, and within a class all images become one.
    """

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        self.gain = _small_embedding(classes, channels)
        self.shift = _small_embedding(classes, channels)

    def forward(self, maps: Tensor, labels: Tensor | None) -> Tensor:
        """Return maps [N, C, H, W], scaled and shifted as the labels [N] say."""
        gain, shift = 1 + self.gain(labels), self.shift(labels)  # [N, C]
        scaled: Tensor = maps * gain[:, :, None, None] + shift[:, :, None, None]
        return scaled


class PixelNoise(nn.Module):
    """Adds noise to every place of the maps, a learned amount a channel (Karras et al. 2019)."""

    def __init__(self, channels: int, seed: int) -> None:
        super().__init__()
        self.amount = nn.Parameter(torch.zeros(channels, 1, 1))
        self.source = NoiseSource(seed)

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps [N, C, H, W] with noise, the same in all channels but for its amount."""
        noise = self.source.normal(maps.shape[0], 1, *maps.shape[2:])  # [N, 1, H, W]
        noisy: Tensor = maps + self.amount * noise
        return noisy if noisy.dtype == maps.dtype else noisy.to(maps.dtype)  # under autocast


class GrownBlock(nn.Sequential):
    """A layer, its normalization and its activation, some of which are told the labels."""

    @override
    def forward(self, input: Tensor, labels: Tensor | None = None) -> Tensor:
        for part in self:
            input = part(input, labels) if isinstance(part, ClassScale) else part(input)
        return input


class Generator(nn.Module):
    """Latents [N, latent_dim] (and labels [N]) to images [N, C, H, W], in [-1, 1] if bounded.

    Args:
        image: Shape of the images.
        latent_dim: Numbers in a latent.
        width: Channels beside the image.
        classes: Number of classes; 0 for no labels.
        norm: Of the maps: "batch", "none", "instance" or "layer".
        conditioning: Where labels enter: "norm" or "latent".
        bounded: Whether images end in tanh.
        noise: Whether noise is added to the maps before each activation.
    """

    def __init__(
        self,
        image: ImageShape,
        latent_dim: int,
        width: int,
        classes: int,
        norm: str = "batch",
        conditioning: str = "norm",
        *,
        bounded: bool = True,
        noise: bool = False,
    ) -> None:
        super().__init__()
        widths = channels(image, width)[::-1]
        bias = norm == "none"  # a normalization has a shift of its own
        beside = classes if conditioning == "latent" else 0
        scaled = classes - beside  # classes that have gains and shifts
        self.embedding = _small_embedding(beside, latent_dim) if beside else None
        inputs = 2 * latent_dim if beside else latent_dim
        first = FromVectors(inputs, widths[0], smallest_map(image), bias=bias)
        blocks = [_grown(first, norm, widths[0], scaled)]
        for before, after in pairwise(widths):
            blocks.append(_grown(_doubling(before, after, bias=bias), norm, after, scaled))
        for seed, (block, count) in enumerate(zip(blocks, widths, strict=True)) if noise else ():
            block.insert(len(block) - 1, PixelNoise(count, seed))
        self.blocks = nn.ModuleList(blocks)
        to_image = _doubling(widths[-1], image.channels, bias=bias)
        self.to_image = nn.Sequential(to_image, nn.Tanh() if bounded else nn.Identity())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images for latents."""
        if self.embedding is not None:
            latents = torch.cat([latents, self.embedding(labels)], dim=1)  # [N, 2 latent_dim]
        maps = latents[:, :, None, None]  # [N, latent_dim, 1, 1]
        for block in self.blocks:
            maps = block(maps, labels)  # [N, 8w, 4, 4], then half the channels and twice the side
        to_image, squash = self.to_image
        images: Tensor = squash(_full(to_image(maps)))  # [N, C, H, W]
        return images


class Discriminator(nn.Module):
    """Images [N, C, H, W] in [-1, 1] (and labels [N]) to logits [N]; of patches, [N, K].

    The class's term is <weights of the class, features> with the same weights at all P places,
    divided by the root of P: as a kernel it is then as long as its weights are, and neither it
    nor the head swamps the other, with spectral norm or without. Mere sums over P places learn
    so fast that without BatchNorm all images of a class become one. The logits of patches are
    those of single places, by the same weights at each, the class's term included.

    Args:
        image: Shape of the images.
        width: Channels after the first block.
        classes: Number of classes; 0 for no labels.
        norm: Of the maps: "batch", "none", "instance" or "layer".
        first_norm: Whether the first block has one too.
        patches: Whether each place of the smallest map has a logit of its own.
        dropout: Probability that a number behind a block is 0 in training.
    """

    def __init__(
        self,
        image: ImageShape,
        width: int,
        classes: int,
        norm: str,
        *,
        first_norm: bool,
        patches: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        widths = channels(image, width)
        bias = norm == "none"  # a normalization has a shift of its own
        blocks = [_shrunk(image.channels, widths[0], norm if first_norm else "none", bias=bias)]
        for before, after in pairwise(widths):
            blocks.append(_shrunk(before, after, norm, bias=bias))
        for seed, block in enumerate(blocks) if dropout else ():
            block.append(Dropout(dropout, seed))
        self.blocks = nn.ModuleList(blocks)
        self.patches = patches
        self.to_logit: nn.Module = (
            nn.Conv2d(widths[-1], 1, 1, bias=bias)
            if patches
            else ToVectors(widths[-1], 1, smallest_map(image), bias=bias)
        )
        self.embedding = _alike_embedding(classes, widths[-1]) if classes else None

    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the maps before the head, [N, 8w, 4, 4] for 64x64; labels are not needed."""
        del labels
        maps = images
        for block in self.blocks:
            maps = block(maps)
        return maps

    def head(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the logits of features, in full precision: losses take their differences."""
        with torch.autocast(features.device.type, enabled=False):
            return self._head(_full(features), labels)

    def _head(self, features: Tensor, labels: Tensor | None) -> Tensor:
        logits: Tensor = self.to_logit(features)  # [N, 1, 1, 1], or [N, 1, H, W] of patches
        logits = logits.flatten(1 if self.patches else 0)  # [N, K], or [N]
        if self.embedding is None:
            return logits
        weights: Tensor = self.embedding(labels)  # [N, 8w]
        if self.patches:
            projected = (weights[:, :, None] * features.flatten(2)).sum(1)  # [N, K]
        else:
            pooled = features.sum((2, 3)) * features[0, 0].numel() ** -0.5  # [N, 8w]
            projected = (weights * pooled).sum(1)  # [N]
        return logits + projected

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the logits of images."""
        return self.head(self.features(images, labels), labels)


def initialize(network: Network, initialization: str) -> Network:
    """Draw the weights anew if "normal": N(0, 0.02), BatchNorm scales N(1, 0.02) (section 3)."""
    if initialization == "pytorch":
        return network
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Embedding):
            nn.init.normal_(module.weight, 0.0, SPREAD)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, SPREAD)
    return network


def _doubling(inputs: int, outputs: int, *, bias: bool) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)


def _grown(convolution: nn.Module, norm: str, outputs: int, classes: int) -> GrownBlock:
    parts = [convolution, *_norm(norm, outputs, affine=not classes)]
    scale = [ClassScale(classes, outputs)] if classes else []
    return GrownBlock(*parts, *scale, nn.ReLU(inplace=True))


def _shrunk(inputs: int, outputs: int, norm: str, *, bias: bool) -> nn.Sequential:
    halving = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)
    return nn.Sequential(halving, *_norm(norm, outputs), nn.LeakyReLU(0.2, inplace=True))


def _norm(norm: str, outputs: int, *, affine: bool = True) -> list[nn.Module]:
    match norm:
        case "batch":
            return [nn.BatchNorm2d(outputs, affine=affine)]
        case "instance":
            return [nn.InstanceNorm2d(outputs, affine=affine)]
        case "layer":
            return [nn.GroupNorm(1, outputs, affine=affine)]
    return []


def _alike_embedding(classes: int, channels: int) -> nn.Embedding:
    """Return an embedding drawn as PyTorch draws a linear layer, not from N(0, 1)."""
    embedding = nn.Embedding(classes, channels)
    nn.init.uniform_(embedding.weight, -(channels**-0.5), channels**-0.5)
    return embedding


def _small_embedding(classes: int, numbers: int) -> nn.Embedding:
    """Return an embedding in which classes begin nearly alike."""
    embedding = nn.Embedding(classes, numbers)
    nn.init.normal_(embedding.weight, 0.0, SPREAD)
    return embedding
