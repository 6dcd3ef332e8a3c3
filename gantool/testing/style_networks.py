"""Small players whose generator splits itself into a mapping and a synthesis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool.testing.networks import NORMS, WIDTH, SmallDiscriminator, SmallNetworks, needed

if TYPE_CHECKING:
    from gantool.interfaces.dataset import ImageShape

CHANNELS = 6
STYLE_DIM = 5
"""Numbers in a style: not as many as in a latent, so that one is not taken for the other."""
LAYERS = 2
SHARE = 0.1
"""Share of a batch in the moving average of styles."""


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
    """Return what is special about networks, for messages."""
    return "with styles" if isinstance(networks, StyleNetworks) else f"with {networks.norm} norm"
