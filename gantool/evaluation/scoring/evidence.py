"""The evidence of metrics: images and features, read some rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from gantool.evaluation.scoring.features import cached_features
from gantool.interfaces.metric import Evidence, EvidenceShape, Samples
from gantool.runs.scores import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from gantool.data.selection import Pixels, TrainingImages
    from gantool.evaluation.sampling.generator import TrainedGenerator
    from gantool.evaluation.sampling.trained import RecipesGenerator
    from gantool.evaluation.scoring.features import FeatureNetwork, Features
    from gantool.interfaces.metric import Rows

    Progress = Callable[[str, int, int], None]
    """Is told what is being looked at, the images done so far and the images in all."""

REAL = "real images"
HELD_OUT = "held-out images"
FAKE = "generated images"


class Witness:
    """Turns images into evidence; the run's real ones are looked at once, or found in the cache."""

    def __init__(
        self, network: FeatureNetwork, images: TrainingImages, *, progress: Progress | None = None
    ) -> None:
        self.network = network
        self._images = images
        self._progress = progress

    def shape(self, fakes: int, latent_dim: int = 0) -> EvidenceShape:
        """Return the amount of evidence to come; the extractor is loaded and looks at one image.

        Raises:
            MissingExtraError: When the extractor needs what is not installed.
            PluginError: When it returns something else than features.
        """
        features, logits = self.network(SeenSamples(self._images.pixels[:1]).images)
        return EvidenceShape(
            real=len(self._images.pixels),
            fake=fakes,
            held_out=len(self._images.held_out),
            features=features.shape[1],
            logits=0 if logits is None else logits.shape[1],
            classes=self._images.classes,
            latent_dim=latent_dim,
        )

    def protocol(
        self,
        generator: RecipesGenerator,
        shape: EvidenceShape,
        *,
        fingerprint: str,
        seeds: tuple[int, ...],
    ) -> Protocol:
        """Return the protocol by which a run's generator is about to be scored.

        The fingerprint is of the prepared images, seeds are of the latents of each repetition.
        """
        image = generator.recipe.tables.image
        return Protocol(
            extractor=self.network.stamp,
            dataset=generator.recipe.dataset.name,
            fingerprint=fingerprint,
            image=f"{image.shape}, {image.fit}",
            split="train",
            real=shape.real,
            held_out=shape.held_out,
            fake=shape.fake,
            generator="ema" if generator.averaged else "raw",
            batch_statistics=generator.batch_statistics,
            seeds=seeds,
        )

    def draw(
        self,
        generator: TrainedGenerator,
        count: int,
        seed: int,
        *,
        label: int | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Evidence:
        """Return the evidence on images that a generator draws; arguments are those of `draw`."""
        fake = generator.draw(count, seed, progress, label)
        labels = generator.labels(count, seed, label)
        return self.evidence(fake, seed, labels, EvidenceSampler(generator, self))

    def evidence(
        self,
        fake: Tensor,
        seed: int,
        labels: Tensor | None = None,
        generator: EvidenceSampler | None = None,
    ) -> Evidence:
        """Return the evidence on generated images, uint8 [N, H, W, C], of labels int64 [N]."""
        random = torch.Generator().manual_seed(seed)
        return Evidence(self.real, self.seen(fake, labels), self.held_out, random, generator)

    def real_halves(self, seed: int) -> Evidence:
        """Return the evidence on one random half of the training images against the other.

        What a metric makes of it is the best that a generator could reach.
        """
        random = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(self._images.pixels), generator=random)
        half = len(order) // 2
        first, second = self.real.part(order[:half]), self.real.part(order[half : 2 * half])
        return Evidence(first, second, self.held_out, random)

    @cached_property
    def real(self) -> SeenSamples:
        """The training images."""
        return self._known(self._images.pixels, self._images.labels, REAL)

    @cached_property
    def held_out(self) -> SeenSamples | None:
        """The images kept from training, if any are."""
        images = self._images
        if not len(images.held_out):
            return None
        return self._known(images.held_out, images.held_out_labels, HELD_OUT)

    def seen(self, pixels: Tensor, labels: Tensor | None) -> SeenSamples:
        """Return generated images, uint8 [N, H, W, C], with what the extractor sees in them."""
        return self._seen(pixels, labels, lambda images: self.network(images, self._told(FAKE)))

    def _known(self, pixels: Pixels, labels: Tensor | None, what: str) -> SeenSamples:
        told = self._told(what)
        return self._seen(
            pixels, labels, lambda images: cached_features(self.network, images, told)
        )

    def _seen(
        self, pixels: Pixels, labels: Tensor | None, look: Callable[[Rows], Features]
    ) -> SeenSamples:
        """Return images with what an extractor sees in them; pixels are their own features."""
        alone = SeenSamples(pixels, labels)
        if self.network.extractor is None:
            return alone
        return SeenSamples(pixels, labels, *look(alone.image_rows))

    def _told(self, what: str) -> Callable[[int, int], None] | None:
        progress = self._progress
        if progress is None:
            return None
        return lambda done, total: progress(what, done, total)


@dataclass(frozen=True)
class EvidenceSampler:
    """Draws more images, with what the extractor sees in them. Implements `gantool.Sampler`."""

    generator: TrainedGenerator
    witness: Witness

    @property
    def latent_dim(self) -> int:
        """Numbers in one latent."""
        return self.generator.latent_dim

    @property
    def classes(self) -> int:
        """Number of classes; 0 where it is not conditional."""
        return len(self.generator.classes)

    def __call__(self, latents: Tensor, labels: Tensor | None = None, /) -> Samples:
        """Return the images of latents [N, latent_dim] (and labels [N])."""
        chunks = map(torch.from_numpy, self.generator.pixel_chunks(latents, labels))
        return self.witness.seen(torch.cat(list(chunks)), labels)


class ReadRows:
    """Rows, of that shape together, that are read when asked for. Implements `gantool.Rows`."""

    def __init__(self, shape: tuple[int, ...], read: Callable[[Any], Tensor]) -> None:
        self.shape = shape
        self._read = read

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | Tensor, /) -> Tensor:
        """Return some of them, in memory."""
        return self._read(rows)


class SeenSamples(Samples):
    """Samples that are in memory as a whole only if a metric asks for that.

    They are the chosen ones, int64 [n], or all of the pixels, uint8 [N, H, W, C], with labels,
    int64 [n], features, float32 [n, F] (None: their pixels, scaled to [0, 1]), and a classifier's
    logits, float32 [n, K].
    """

    def __init__(
        self,
        pixels: Pixels,
        labels: Tensor | None = None,
        features: Tensor | None = None,
        logits: Tensor | None = None,
        chosen: Tensor | None = None,
    ) -> None:
        own = {"_pixels": pixels, "_chosen": chosen, "_features": features}
        self.__dict__.update(own, logits=logits, labels=labels)  # it is frozen

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
        labels, features, logits = (
            None if values is None else values[chosen]
            for values in (self.labels, self._features, self.logits)
        )
        places = chosen if self._chosen is None else self._chosen[chosen]
        return SeenSamples(self._pixels, labels, features, logits, places)

    def _images(self, rows: slice | Tensor) -> Tensor:
        pixels = self._pixels[rows if self._chosen is None else self._chosen[rows]]
        return pixels.permute(0, 3, 1, 2).contiguous()
