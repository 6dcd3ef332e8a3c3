"""The evidence of metrics: real and generated images, and their features."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import torch

from gantool.evaluation.feature_cache import cached_features
from gantool.evaluation.features import FeatureNetwork
from gantool.evaluation.seen import SeenSamples
from gantool.interfaces.metric import Evidence, EvidenceShape

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from gantool.data.pixels import Pixels
    from gantool.evaluation.features import Features
    from gantool.interfaces.metric import Extractor, Rows

    Progress = Callable[[str, int, int], None]
    """Is told what is being looked at, the images done so far and the images in all."""

REAL = "real images"
HELD_OUT = "held-out images"
FAKE = "generated images"


class Witness:
    """Turns images into evidence; the real images are looked at once, or found in the cache.

    Args:
        extractor: The recipe's, or None for the pixels themselves.
        real: Training images, uint8 [N, H, W, C].
        held_out: Images kept from training, uint8 [M, H, W, C]; may be empty.
        device: Where features are extracted.
        progress: Is told how far it is.
        network: The extractor's, where another witness has loaded it.
    """

    def __init__(
        self,
        extractor: Extractor | None,
        real: Pixels,
        held_out: Pixels,
        device: torch.device,
        *,
        progress: Progress | None = None,
        network: FeatureNetwork | None = None,
    ) -> None:
        self.network = network or FeatureNetwork(extractor, device)
        self._real_pixels = real
        self._held_out_pixels = held_out
        self._progress = progress

    def shape(self, fakes: int) -> EvidenceShape:
        """Return how much evidence there will be on a number of generated images.

        The extractor is loaded and looks at one image.

        Raises:
            MissingExtraError: When the extractor needs what is not installed.
            PluginError: When it returns something else than features.
        """
        features, logits = self.network(SeenSamples(self._real_pixels[:1], None, None).images)
        return EvidenceShape(
            real=len(self._real_pixels),
            fake=fakes,
            held_out=len(self._held_out_pixels),
            features=features.shape[1],
            logits=0 if logits is None else logits.shape[1],
        )

    def evidence(self, fake: Tensor, seed: int) -> Evidence:
        """Return the evidence on generated images, uint8 [N, H, W, C]."""
        samples = self._seen(fake, lambda images: self.network(images, self._told(FAKE)))
        random = torch.Generator().manual_seed(seed)
        return Evidence(self.real, samples, self.held_out, random)

    def real_halves(self, seed: int) -> Evidence:
        """Return the evidence on one random half of the training images against the other.

        What a metric makes of it is the best that a generator could reach.
        """
        random = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(self._real_pixels), generator=random)
        half = len(order) // 2
        first, second = self.real.part(order[:half]), self.real.part(order[half : 2 * half])
        return Evidence(first, second, self.held_out, random)

    @cached_property
    def real(self) -> SeenSamples:
        """The training images."""
        return self._known(self._real_pixels, REAL)

    @cached_property
    def held_out(self) -> SeenSamples | None:
        """The images kept from training, if any are."""
        pixels = self._held_out_pixels
        return self._known(pixels, HELD_OUT) if len(pixels) else None

    def _known(self, pixels: Pixels, what: str) -> SeenSamples:
        told = self._told(what)
        return self._seen(pixels, lambda images: cached_features(self.network, images, told))

    def _seen(self, pixels: Pixels, look: Callable[[Rows], Features]) -> SeenSamples:
        """Return images with what an extractor sees in them; pixels are their own features."""
        alone = SeenSamples(pixels, None, None)
        if self.network.extractor is None:
            return alone
        return SeenSamples(pixels, *look(alone.image_rows))

    def _told(self, what: str) -> Callable[[int, int], None] | None:
        progress = self._progress
        if progress is None:
            return None
        return lambda done, total: progress(what, done, total)
