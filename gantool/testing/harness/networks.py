"""Small players for regularizers to be tried on, plain ones and ones with styles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from typing_extensions import override

from gantool.interfaces.architecture import Architecture

if TYPE_CHECKING:
    from gantool.interfaces.dataset import ImageShape

WIDTH = 4
Norm = Literal["none", "batch", "spectral"]
NORMS: tuple[Norm, Norm] = ("batch", "spectral")
"""Normalizations whose buffers move with every forward pass."""
CHANNELS = 6
STYLE_DIM = 5
"""Numbers in a style: fewer than in a latent, so that the two cannot be mixed up."""
LAYERS = 2
SHARE = 0.1
"""Share of a batch in the moving average of styles."""


class SmallGenerator(nn.Module):
    """Latents [N, latent_dim] (and labels [N]) to images [N, C, H, W] in [-1, 1]."""

    def __init__(self, image: ImageShape, latent_dim: int, classes: int, norm: Norm) -> None:
        super().__init__()
        small = (image.height // 4, image.width // 4)
        self.embedding = nn.Embedding(classes, latent_dim) if classes else None
        inputs = 2 * latent_dim if classes else latent_dim
        self.blocks = nn.ModuleList(
            [
                _block(nn.ConvTranspose2d(inputs, 2 * WIDTH, small), norm),
                _block(nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, stride=2, padding=1), norm),
            ]
        )
        self.to_image = nn.ConvTranspose2d(WIDTH, image.channels, 4, stride=2, padding=1)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images for latents."""
        if self.embedding is not None:
            latents = torch.cat([latents, self.embedding(needed(labels))], dim=1)
        maps = latents[:, :, None, None]  # [N, latent_dim, 1, 1]
        for block in self.blocks:
            maps = block(maps)
        images: Tensor = self.to_image(maps).tanh()  # [N, C, H, W]
        return images


class SmallDiscriminator(nn.Module):
    """Images [N, C, H, W] (and labels [N]) to logits [N]."""

    def __init__(self, image: ImageShape, classes: int, norm: Norm, width: int = WIDTH) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            [
                _block(nn.Conv2d(image.channels, width, 4, stride=2, padding=1), norm),
                _block(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1), norm),
            ]
        )
        self.to_logit = nn.Conv2d(2 * width, 1, (image.height // 4, image.width // 4))
        self.embedding = nn.Embedding(classes, 2 * width) if classes else None
        self._make_steep()

    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the maps before the head, [N, 2 width, H / 4, W / 4]."""
        del labels
        maps = images
        for block in self.blocks:
            maps = block(maps)
        return maps

    def head(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the logits [N] of features."""
        logits: Tensor = self.to_logit(features).flatten()  # [N]
        if self.embedding is None:
            return logits
        weights: Tensor = self.embedding(needed(labels))  # [N, 2 width]
        return logits + (weights * features.sum((2, 3))).sum(1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the logits [N] of images."""
        return self.head(self.features(images, labels), labels)

    def _make_steep(self) -> None:
        """Draw large weights, so that penalties on slopes above 1 have something to do."""
        for layer in self.blocks.modules():
            if isinstance(layer, nn.Conv2d) and not parametrize.is_parametrized(layer):
                nn.init.normal_(layer.weight, 0.0, 0.2)
        nn.init.normal_(self.to_logit.weight, 0.0, 0.4)
        if self.embedding is not None:  # multiplies sums over 16 places and more
            nn.init.normal_(self.embedding.weight, 0.0, 0.1)


class SmallNetworks(Architecture):
    """Two blocks each, for sides that 4 divides."""

    name = "small"

    latent_dim: PositiveInt = 6
    """Numbers in one latent."""
    norm: Norm = "none"
    """Normalization of blocks; with "none" everything is smooth."""

    @override
    def check(self, image: ImageShape, classes: int) -> None:
        if image.height % 4 or image.width % 4:
            msg = f"height and width must be multiples of 4, got {image}"
            raise ValueError(msg)

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return SmallGenerator(image, self.latent_dim, classes, self.norm)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return SmallDiscriminator(image, classes, self.norm)

    @override
    def batch_coupling(self) -> str | None:
        return 'set norm to "none" or "spectral"' if self.norm == "batch" else None


class SeveralLogitsDiscriminator(SmallDiscriminator):
    """Images to logits [N, K], the k-th k times as steep as the first."""

    def __init__(self, image: ImageShape, classes: int, norm: Norm, logits: int) -> None:
        super().__init__(image, classes, norm)
        self.logits = logits

    @override
    def head(self, features: Tensor, labels: Tensor | None = None) -> Tensor:
        steepness = torch.arange(1, self.logits + 1, device=features.device)
        return super().head(features, labels)[:, None] * steepness  # [N, K]


class SeveralLogitsNetworks(SmallNetworks):
    """The same, whose discriminator gives several logits an image, [N, K], or one, [N, 1]."""

    name = "several-logits"

    logits: PositiveInt = 3
    """Logits an image."""

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return SeveralLogitsDiscriminator(image, classes, self.norm, self.logits)


def _block(layer: nn.Conv2d | nn.ConvTranspose2d, norm: Norm) -> nn.Sequential:
    if norm == "none":
        return nn.Sequential(layer, nn.Tanh())
    after = [nn.BatchNorm2d(layer.out_channels)] if norm == "batch" else []
    return nn.Sequential(_normalized(layer, norm), *after, nn.LeakyReLU(0.2))


def _normalized(layer: nn.Module, norm: Norm) -> nn.Module:
    return parametrizations.spectral_norm(layer) if norm == "spectral" else layer


def needed(labels: Tensor | None) -> Tensor:
    """Return labels that must be there."""
    if labels is None:
        msg = "a conditional network was called without labels"
        raise TypeError(msg)
    return labels


class StyleGenerator(nn.Module):
    """Latents to styles [N, 2, 5], one a layer; styles to images (after Karras et al. 2019).

    The mean style follows those of training, as StyleGAN's does, so that its mapping has a buffer
    that every forward pass moves.
    """

    mean_style: Tensor

    def __init__(self, image: ImageShape, latent_dim: int, classes: int) -> None:
        super().__init__()
        small = (image.height // 4, image.width // 4)
        self.embedding = nn.Embedding(classes, latent_dim) if classes else None
        inputs = 2 * latent_dim if classes else latent_dim
        self.layers = nn.ModuleList([nn.Linear(inputs, STYLE_DIM), nn.Linear(STYLE_DIM, STYLE_DIM)])
        self.register_buffer("mean_style", torch.zeros(STYLE_DIM))
        self.first = nn.Parameter(torch.randn(1, CHANNELS, *small))
        self.gains = nn.ModuleList(nn.Linear(STYLE_DIM, CHANNELS) for _ in range(LAYERS))
        self.blocks = nn.ModuleList(
            nn.ConvTranspose2d(CHANNELS, CHANNELS, 4, stride=2, padding=1) for _ in range(LAYERS)
        )
        self.to_image = nn.Conv2d(CHANNELS, image.channels, 1)

    def mapping(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return styles [N, 2, 5] for latents."""
        styles = latents
        if self.embedding is not None:
            styles = torch.cat([latents, self.embedding(needed(labels))], dim=1)
        for layer in self.layers:
            styles = layer(styles).tanh()  # [N, 5]
        if self.training:
            with torch.no_grad():
                self.mean_style.lerp_(styles.mean(0).to(self.mean_style), SHARE)
        return styles[:, None].expand(-1, LAYERS, -1)

    def synthesis(self, styles: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images for styles."""
        del labels
        maps = self.first.expand(len(styles), -1, -1, -1)
        for index, (gain, block) in enumerate(zip(self.gains, self.blocks, strict=True)):
            scale = 1 + gain(styles[:, index])  # [N, 6]
            maps = block(maps * scale[:, :, None, None]).tanh()
        images: Tensor = self.to_image(maps).tanh()  # [N, C, H, W]
        return images

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return images for latents."""
        return self.synthesis(self.mapping(latents, labels), labels)


class StyleNetworks(SmallNetworks):
    """A generator with styles, and a small discriminator that has other features than usual."""

    name = "style"

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return StyleGenerator(image, self.latent_dim, classes)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return SmallDiscriminator(image, classes, self.norm, WIDTH - 1)


SMOOTH = (SmallNetworks(), StyleNetworks())
"""Networks in which everything is smooth."""
MOVING = (*(SmallNetworks(norm=norm) for norm in NORMS), StyleNetworks())
"""Networks with buffers that every forward pass moves."""


def described(networks: SmallNetworks) -> str:
    """Return a phrase for messages that tells networks apart."""
    return "with styles" if isinstance(networks, StyleNetworks) else f"with {networks.norm} norm"
