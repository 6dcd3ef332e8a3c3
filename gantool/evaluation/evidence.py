"""What metrics judge by: real and generated images, and their features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gantool.errors import PluginError
from gantool.interfaces.metric import Evidence, Samples

if TYPE_CHECKING:
    from torch import Tensor, nn

    from gantool.interfaces.extractor import Extractor

CHUNK = 256
"""Images whose features are extracted at a time."""


class Witness:
    """Turns images into evidence; the real images are looked at once.

    Args:
        extractor: The recipe's, or None for the pixels themselves.
        real: Training images, uint8 [N, H, W, C].
        held_out: Images kept from training, uint8 [N, H, W, C]; may be empty.
        device: Where features are extracted.
    """

    def __init__(
        self, extractor: Extractor | None, real: Tensor, held_out: Tensor, device: torch.device
    ) -> None:
        self._extractor = extractor
        self._network: nn.Module | None = None
        self._device = device
        self._sources = (real, held_out)
        self._known: tuple[Samples, Samples | None] | None = None

    def evidence(self, fake: Tensor, seed: int) -> Evidence:
        """Return the evidence on generated images, uint8 [N, H, W, C]."""
        if self._known is None:
            real, held_out = self._sources
            self._known = (
                self._samples(real),
                self._samples(held_out) if len(held_out) else None,
            )
        known_real, known_held_out = self._known
        random = torch.Generator().manual_seed(seed)
        return Evidence(known_real, self._samples(fake), known_held_out, random)

    def _samples(self, pixels: Tensor) -> Samples:
        images = pixels.permute(0, 3, 1, 2).contiguous()  # [N, C, H, W]
        features = torch.cat([self._features(chunk) for chunk in torch.split(images, CHUNK)])
        return Samples(images, features)

    @torch.no_grad()
    def _features(self, images: Tensor) -> Tensor:
        """Return features [N, F] of uint8 images [N, C, H, W], on the CPU."""
        if self._extractor is None:
            return images.flatten(1).float() / 255
        if self._network is None:
            self._network = self._extractor.load().to(self._device).eval()
        colored = images[:, :3] if images.shape[1] > 3 else images.expand(-1, 3, -1, -1)
        features: Tensor = self._network(colored.to(self._device))
        if features.dim() != 2 or len(features) != len(images):
            raise PluginError(
                f"extractor '{self._extractor.name}' returned features of shape "
                f"{list(features.shape)} for {len(images)} images; expected [N, F]"
            )
        return features.float().cpu()
