"""Images and their features as metrics read them: some rows at a time, from where they lie."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from gantool.interfaces.metric import Samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from gantool.data.pixels import Pixels
    from gantool.interfaces.metric import Rows


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
