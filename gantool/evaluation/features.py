"""The features of images, and what they are the features of."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from gantool.errors import GantoolError, PluginError
from gantool.evaluation.protocol import PIXELS, ExtractorStamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from gantool.interfaces.extractor import Extractor

CHUNK_IMAGES = 16
"""Images looked at together: what fits a processor's caches."""
CHUNK_IMAGES_GPU = 256


class Features(NamedTuple):
    """Features [N, F] of images and, where the extractor is a classifier, logits [N, K]."""

    features: Tensor
    logits: Tensor | None


class FeatureNetwork:
    """An extractor's network on a device, or the pixels themselves where there is no extractor.

    It is loaded when it is first needed.

    Args:
        extractor: What looks at images; None for the pixels, scaled to [0, 1].
        device: Where it does so.
    """

    def __init__(self, extractor: Extractor | None, device: torch.device) -> None:
        self.extractor = extractor
        self.device = device

    @property
    def name(self) -> str | None:
        """The extractor's name; None for the pixels."""
        return None if self.extractor is None else self.extractor.name

    @cached_property
    def stamp(self) -> ExtractorStamp:
        """What every score says of the features it was computed with."""
        if self.extractor is None:
            return ExtractorStamp(PIXELS)
        digest = self.extractor.weights_digest() or _digest(self._network)
        return ExtractorStamp(self.extractor.name, digest, self.extractor.resizer)

    def __call__(
        self, images: Tensor, progress: Callable[[int, int], None] | None = None
    ) -> Features:
        """Return the features of uint8 images [N, C, H, W], float32, on the CPU.

        Images with one channel are looked at as gray ones with three; of four channels, the first
        three are.

        Raises:
            MissingExtraError: When the extractor needs what is not installed.
            PluginError: When it returns something else than features [N, F] and logits [N, K].
        """
        size = CHUNK_IMAGES if self.device.type == "cpu" else CHUNK_IMAGES_GPU
        found = []
        for start in range(0, len(images), size):
            found.append(self._look(images[start : start + size]))
            if progress is not None:
                progress(min(start + size, len(images)), len(images))
        features, logits = zip(*found, strict=True)
        return Features(torch.cat(features), None if logits[0] is None else torch.cat(logits))

    def _look(self, images: Tensor) -> Features:
        if self.extractor is None:
            return Features(images.flatten(1).float() / 255, None)
        colored = images[:, :3] if images.shape[1] > 3 else images.expand(-1, 3, -1, -1)
        with torch.no_grad(), _exact_float32():
            found = self._network(colored.to(self.device))
        features, logits = found if isinstance(found, tuple) else (found, None)
        self._check("features", features, len(images))
        if logits is None:
            return Features(features.float().cpu(), None)
        self._check("logits", logits, len(images))
        return Features(features.float().cpu(), logits.float().cpu())

    @cached_property
    def _network(self) -> nn.Module:
        assert self.extractor is not None
        try:
            with torch.random.fork_rng(devices=[]):  # building it may draw numbers
                return self.extractor.load().to(self.device).eval()
        except GantoolError:
            raise
        except Exception as error:  # a plugin may fail in any way
            raise PluginError(
                f"extractor '{self.name}' cannot be loaded: {type(error).__name__}: {error}"
            ) from error

    def _check(self, what: str, values: Any, count: int) -> None:
        if isinstance(values, torch.Tensor) and values.dim() == 2 and len(values) == count:
            return
        found = list(values.shape) if isinstance(values, torch.Tensor) else type(values).__name__
        raise PluginError(
            f"extractor '{self.name}' returned {what} of shape {found} for {count} images; "
            f"expected [N, F]"
        )


@contextmanager
def _exact_float32() -> Iterator[None]:
    """Compute in full float32 on GPUs too, so that scores do not depend on the machine."""
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    allowed = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = False
    try:
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = allowed


def _digest(network: nn.Module) -> str:
    """Return the SHA-256 of a network's weights and buffers."""
    digest = hashlib.sha256()
    for name, values in sorted(network.state_dict().items()):
        digest.update(f"{name}:{values.dtype}{list(values.shape)};".encode())
        digest.update(values.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
