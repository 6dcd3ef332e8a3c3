"""The evidence of metrics: images and features, read some rows at a time."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from gantool.evaluation.scoring.features import FeatureNetwork, cached_features
from gantool.interfaces.metric import Evidence, EvidenceShape, Samples
from gantool.runs.scores import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from gantool.data.selection import Pixels
    from gantool.evaluation.scoring.features import Features
    from gantool.interfaces.metric import Rows

    Progress = Callable[[str, int, int], None]
    """Is told what is being looked at, the images done so far and the images in all."""
    from collections.abc import Iterable

    from gantool.interfaces.metric import EvidenceShape
    from gantool.recipe.schema import Recipe
    from gantool.runs.scores import ExtractorStamp

REAL = "real images"
HELD_OUT = "held-out images"
FAKE = "generated images"


class Witness:
    """Turns images into evidence; the real images are looked at once, or found in the cache.

    Args:
        network: Looks at images.
        real: Training images, uint8 [N, H, W, C].
        held_out: Images kept from training, uint8 [M, H, W, C]; may be empty.
        progress: Is told how far it is.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        real: Pixels,
        held_out: Pixels,
        *,
        progress: Progress | None = None,
    ) -> None:
        self.network = network
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


class ReadRows:
    """Rows that are made when they are asked for. Implements `gantool.Rows`.

    Args:
        shape: Of all of them together.
        read: Returns those of a slice, or of indices int64 [n].
    """

    def __init__(self, shape: tuple[int, ...], read: Callable[[Any], Tensor]) -> None:
        self._shape = shape
        self._read = read

    def __len__(self) -> int:
        return self._shape[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all of them together, as a tensor's."""
        return self._shape

    def __getitem__(self, rows: slice | Tensor, /) -> Tensor:
        """Return some of them, in memory."""
        return self._read(rows)


class SeenSamples(Samples):
    """Samples that are in memory as a whole only if a metric asks for that.

    Args:
        pixels: uint8 [N, H, W, C].
        features: Of the chosen images, float32 [n, F]; None for their pixels, scaled to [0, 1].
        logits: Of the chosen images, float32 [n, K], where the extractor is a classifier.
        chosen: Which of the images, int64 [n]; all by default.
    """

    def __init__(
        self,
        pixels: Pixels,
        features: Tensor | None,
        logits: Tensor | None,
        chosen: Tensor | None = None,
    ) -> None:
        own = {"_pixels": pixels, "_chosen": chosen, "_features": features, "logits": logits}
        self.__dict__.update(own)  # it is frozen

    _pixels: Pixels
    _chosen: Tensor | None
    _features: Tensor | None

    @cached_property
    def images(self) -> Tensor:
        """All images, uint8 [N, C, H, W]."""
        return self.image_rows[:]

    @cached_property
    def features(self) -> Tensor:
        """All features, [N, F]."""
        return self.feature_rows[:]

    @property
    def image_rows(self) -> Rows:
        """Images to be read some at a time."""
        count = len(self._pixels) if self._chosen is None else len(self._chosen)
        height, width, channels = self._pixels.shape[1:]
        return ReadRows((count, channels, height, width), self._images)

    @property
    def feature_rows(self) -> Rows:
        """Features to be read some at a time."""
        if self._features is not None:
            return self._features
        count, channels, height, width = self.image_rows.shape
        shape = (count, channels * height * width)
        return ReadRows(shape, lambda rows: self._images(rows).flatten(1).float() / 255)

    def part(self, chosen: Tensor) -> SeenSamples:
        """Return some of them, by indices int64 [n]."""
        features = None if self._features is None else self._features[chosen]
        logits = None if self.logits is None else self.logits[chosen]
        places = chosen if self._chosen is None else self._chosen[chosen]
        return SeenSamples(self._pixels, features, logits, places)

    def _images(self, rows: slice | Tensor) -> Tensor:
        pixels = self._pixels[rows if self._chosen is None else self._chosen[rows]]
        return pixels.permute(0, 3, 1, 2).contiguous()


def protocol_of(
    recipe: Recipe,
    extractor: ExtractorStamp,
    shape: EvidenceShape,
    *,
    fingerprint: str,
    averaged: bool,
    seeds: Iterable[int],
) -> Protocol:
    """Return the protocol of scores of a run.

    Args:
        recipe: Of the run.
        extractor: What images are looked at with.
        shape: How much evidence there is.
        fingerprint: Of the prepared images.
        averaged: Whether the generator has averaged weights.
        seeds: Where the latents of each repetition start.
    """
    image = recipe.tables.image
    return Protocol(
        extractor=extractor,
        dataset=recipe.dataset.name,
        fingerprint=fingerprint,
        image=f"{image.shape}, {image.fit}",
        split="train",
        real=shape.real,
        held_out=shape.held_out,
        fake=shape.fake,
        generator="ema" if averaged else "raw",
        batch_statistics=recipe.tables.sampling.batch_statistics,
        seeds=tuple(seeds),
    )
