"""A trained generator to draw pictures from: of a run, or of an exported folder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch

from gantool.errors import DivergedError, UsageError
from gantool.evaluation.sampling.draws import (
    TruncatedStyles,
    draw_labels,
    draw_latents,
    generate_chunks,
    label_of,
    to_pixels,
    truncate,
)
from gantool.registry.calling import calling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from gantool.interfaces.architecture import Architecture
    from gantool.interfaces.dataset import ImageShape
    from gantool.training.device.device import Device

DRAWING = "its generator, in evaluation"
"""The caller that messages name while pictures are drawn."""


class TrainedGenerator(ABC):
    """A generator and how to draw from it."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name that messages call it by: a folder's own."""

    @property
    @abstractmethod
    def step(self) -> int:
        """Steps of training behind it."""

    @property
    @abstractmethod
    def image(self) -> ImageShape:
        """Shape of its images."""

    @property
    @abstractmethod
    def latent_dim(self) -> int:
        """Numbers in one latent."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by label; empty where it is not conditional."""

    @property
    @abstractmethod
    def averaged(self) -> bool:
        """Whether its weights are the average over training."""

    @property
    @abstractmethod
    def batch_statistics(self) -> str:
        """Statistics of its BatchNorm layers: "running", "standing" or "batch"."""

    @property
    @abstractmethod
    def device(self) -> Device:
        """The device that images are drawn with."""

    @property
    @abstractmethod
    def architecture(self) -> Architecture:
        """The architecture that built the generator."""

    @property
    @abstractmethod
    def network(self) -> nn.Module:
        """The generator itself, on the device."""

    def sample(
        self,
        count: int = 16,
        seed: int = 0,
        label: int | str | None = None,
        *,
        truncation: float | None = None,
    ) -> Tensor:
        """Draw images.

        Args:
            count: Number of images.
            seed: Of the latents; the same seed gives the same images.
            label: Index or name of a class, where it is conditional; None for classes by chance.
            truncation: As in `latents` and `generate`.

        Returns:
            float32 [count, C, H, W] in [-1, 1] on the CPU.

        Raises:
            UsageError: When there is no intact checkpoint, or not that class, or none is to be
                drawn.
        """
        latents = self.latents(count, seed, truncation=truncation)
        return self.generate(latents, self.labels(count, seed, label), truncation=truncation)

    def latents(self, count: int, seed: int = 0, *, truncation: float | None = None) -> Tensor:
        """Return the latents that `sample` draws, [count, latent_dim].

        Args:
            count: Number of latents.
            seed: The first latents of a seed are the same whatever the count.
            truncation: Magnitude above which numbers are drawn again (Brock et al. 2019, section
                3.1); without effect where the generator has styles, which `generate` truncates.

        Raises:
            UsageError: When none is asked for.
        """
        if count < 1:
            raise UsageError(
                f"'{self.name}' draws at least 1 image, got {count}", "as in: sample(16)"
            )
        latents = draw_latents(seed, count, self.latent_dim)
        if truncation is None or self.has_styles:
            return latents
        return truncate(latents, truncation, seed)

    def generate(
        self, latents: Tensor, labels: Tensor | None = None, *, truncation: float | None = None
    ) -> Tensor:
        """Return the images of latents, as `sample` does.

        Args:
            latents: [N, latent_dim].
            labels: int64 [N], where the generator is conditional.
            truncation: Share of the distance of styles from their mean that is kept (Karras et
                al. 2019, section B); without effect where there are no styles.

        Returns:
            float32 [N, C, H, W] in [-1, 1] on the CPU.

        Raises:
            UsageError: When the latents have another shape.
            DivergedError: When the images are not finite.
        """
        if latents.ndim != 2 or not len(latents) or latents.shape[1] != self.latent_dim:
            raise UsageError(
                f"'{self.name}' draws from latents [N, {self.latent_dim}], N at least 1, "
                f"got {list(latents.shape)}",
                "draw some: latents(16)",
            )
        return torch.cat(list(self._chunks(latents, labels, truncation)))

    def draw(
        self,
        count: int,
        seed: int = 0,
        progress: Callable[[int, int], None] | None = None,
        label: int | str | None = None,
    ) -> Tensor:
        """Draw the images that `sample` draws, as pixels, of which many more fit into memory.

        Progress is told the images drawn so far and the images in all.

        Returns:
            uint8 [count, H, W, C] on the CPU.

        Raises:
            UsageError: When there is no intact checkpoint, or not that class.
            DivergedError: When the images are not finite.
        """
        latents, labels = self.latents(count, seed), self.labels(count, seed, label)
        drawn, done = [], 0
        for pixels in self.pixel_chunks(latents, labels):
            drawn.append(torch.from_numpy(pixels))
            done += len(pixels)
            if progress is not None:
                progress(done, count)
        return torch.cat(drawn)

    def pixel_chunks(
        self, latents: Tensor, labels: Tensor | None = None, *, truncation: float | None = None
    ) -> Iterator[NDArray[np.uint8]]:
        """Return what `generate` returns as pixels, uint8 [n, H, W, C], n at most 64 at a time.

        Raises:
            DivergedError: When the images are not finite.
        """
        return map(to_pixels, self._chunks(latents, labels, truncation))

    def labels(self, count: int, seed: int = 0, label: int | str | None = None) -> Tensor | None:
        """Return a label for each image, int64 [count], or None where it is not conditional.

        Raises:
            UsageError: When there is not that class.
        """
        if label is not None:
            self.refuse_unconditional("none can be chosen")
        if not self.classes:
            return None
        if label is None:
            return draw_labels(seed, count, len(self.classes))
        return torch.full((count,), label_of(label, self.classes, self.name))

    def refuse_unconditional(self, so: str) -> None:
        """Refuse a generator without classes; `so` says what cannot be had of it."""
        if not self.classes:
            raise UsageError(
                f"'{self.name}' knows no classes, so {so}",
                "train one with: --set training.conditional=true",
            )

    @property
    def has_styles(self) -> bool:
        """Whether the generator maps latents to styles before it makes images."""
        return hasattr(self.network, "mapping") and hasattr(self.network, "synthesis")

    def _finite(self, images: Tensor) -> Tensor:
        """Return images that are finite: others would be black pixels."""
        if not images.isfinite().all():
            raise DivergedError(f"the generator of '{self.name}' makes images of NaN or infinity")
        return images

    def _chunks(
        self, latents: Tensor, labels: Tensor | None, truncation: float | None
    ) -> Iterator[Tensor]:
        """Yield images, some at a time; what fails in making them is the architecture's."""
        with calling(self.architecture, DRAWING):
            chunks = generate_chunks(
                self._network(truncation),
                latents,
                labels,
                self.device,
                batch_statistics=self.batch_statistics,
                classes=len(self.classes),
            )
        while True:
            with calling(self.architecture, DRAWING):
                images = next(chunks, None)
            if images is None:
                return
            yield self._finite(images)

    def _network(self, truncation: float | None) -> nn.Module:
        """Return the generator, truncated where it has styles and this is asked for."""
        if truncation is None or not self.has_styles:
            return self.network
        return TruncatedStyles(self.network, truncation, self.latent_dim, len(self.classes))


def refuse_non_finite(network: nn.Module, name: str, way_out: str) -> None:
    """Refuse a generator that has diverged.

    Raises:
        DivergedError: When one of its weights or statistics is NaN or infinite.
    """
    from gantool.training.state.saving import first_non_finite

    if (place := first_non_finite(dict(network.state_dict()))) is not None:
        raise DivergedError(f"the generator of '{name}' is not finite: {place}", way_out)
