"""Whether generated images repeat the training set."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import adaptive_avg_pool2d

from gantool import UsageError
from gantool_metrics.neighbors import Neighbors, blocks, nearest

if TYPE_CHECKING:
    from torch import Tensor

    from gantool import Evidence, Rows, Samples

CLOSE_QUANTILE = 0.01
"""Nearer than this share of the training images are to each other, an image is called close."""
PIXELS_A_SIDE = 32


@dataclass(frozen=True)
class Space:
    """Generated images among training images, by the distance of features or of pixels.

    Attributes:
        train: Training images, [N, F], to be read some at a time, no two the same.
        own: Each training image's nearest other one.
        found: Each generated image's nearest training image.
    """

    train: Rows
    own: Neighbors
    found: Neighbors

    def authentic(self) -> float:
        """Return AuthPct, the percentage of authentic images (Alaa et al. 2022, section 3.3).

        An image is authentic if its nearest training image is nearer to another training image.
        """
        reach = self.own.distances[self.found.indices]
        return 100 * float((self.found.distances > reach).double().mean())

    def close(self) -> Tensor:
        """Return which images are closer to a training image than 99 % of these to another."""
        return self.found.distances < self.own.distances.quantile(CLOSE_QUANTILE)  # [M]


def memorization_scores(evidence: Evidence) -> dict[str, float]:
    """Return AuthPct, in features and pixels, the percentage of copies, and the distance ratio.

    A copy is close to one and the same training image in features and in pixels: blurred or
    collapsed images are close in one of them only.

    Raises:
        UsageError: When all training images are the same.
    """
    kept = distinct(evidence.real.image_rows)
    if len(kept) < 2:
        raise UsageError("metric 'memorization' needs 2 different training images, got copies of 1")
    features = _space(Subset(evidence.real.feature_rows, kept), evidence.fake.feature_rows)
    small = SmallImages(Subset(evidence.real.image_rows, kept))
    pixels = _space(small, SmallImages(evidence.fake.image_rows))
    agree = features.found.indices == pixels.found.indices
    copies = features.close() & pixels.close() & agree
    scores = {
        "authpct": features.authentic(),
        "pixel-authpct": pixels.authentic(),
        "copies-pct": 100 * float(copies.double().mean()),
    }
    if evidence.held_out is not None:
        scores["held-out-ratio"] = _distance_ratio(features, evidence.held_out)
    return scores


@dataclass(frozen=True)
class Subset:
    """A choice of rows, which are read when they are asked for.

    Attributes:
        rows: All of them.
        chosen: Which, int64 [n].
    """

    rows: Rows
    chosen: Tensor

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all that are chosen together."""
        return (len(self), *self.rows.shape[1:])

    def __getitem__(self, rows: Any) -> Tensor:
        """Return the rows of a slice, or of indices."""
        return self.rows[self.chosen[rows]]


@dataclass(frozen=True)
class SmallImages:
    """The pixels of images, averaged down to at most 32 a side, float32 [N, values].

    So what counts as near depends neither on the size of images nor on their grain.

    Attributes:
        images: uint8 [N, C, H, W].
    """

    images: Rows

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, ...]:
        """N and the values of an image."""
        height, width = self._size
        return len(self), self.images.shape[1] * height * width

    def __getitem__(self, rows: Any) -> Tensor:
        """Return the values of a slice, or of indices."""
        return adaptive_avg_pool2d(self.images[rows].float(), self._size).flatten(1)

    @property
    def _size(self) -> tuple[int, int]:
        height, width = self.images.shape[2:]
        return min(height, PIXELS_A_SIDE), min(width, PIXELS_A_SIDE)


def distinct(images: Rows) -> Tensor:
    """Return the indices of the images without those that repeat an earlier one, int64.

    Repeats have distance 0 from each other, so that no copy of them could ever be too close.

    Args:
        images: uint8 [N, C, H, W].
    """
    first: dict[bytes, int] = {}
    for rows, block in blocks(images):
        for index, image in enumerate(block.numpy(), rows.start):
            first.setdefault(blake2b(image.tobytes(), digest_size=16).digest(), index)
    return torch.tensor(list(first.values()))


def _space(train: Rows, fake: Rows) -> Space:
    return Space(train, nearest(train, train), nearest(fake, train))


def _distance_ratio(features: Space, held_out: Samples) -> float:
    """Return how far fakes are from the training set, in units of unseen images' distance."""
    unseen = nearest(held_out.feature_rows, features.train).distances.median()
    return float(features.found.distances.median() / unseen)
