"""The prepared images that a run is trained on, and those that are held out."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import torch

from gantool.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from gantool.data.prepare.prepared import PreparedImages
    from gantool.recipe.schema import CoreTables


class MappedPixels:
    """Some of the prepared images, uint8 [M, H, W, C], which stay on disk until they are indexed.

    `chosen`, int64 [N], says which, and in which order.
    """

    def __init__(self, images: NDArray[np.uint8], chosen: NDArray[np.int64]) -> None:
        self._images = images
        self._chosen = chosen

    def __len__(self) -> int:
        return len(self._chosen)

    @property
    def shape(self) -> tuple[int, ...]:
        """N, H, W and C."""
        return (len(self), *self._images.shape[1:])

    def __getitem__(self, rows: slice | list[int] | Tensor, /) -> Tensor:
        """Return a copy of some images, on the CPU."""
        index = rows.numpy() if isinstance(rows, torch.Tensor) else rows
        return torch.from_numpy(self._images[self._chosen[index]])


Pixels = torch.Tensor | MappedPixels
"""uint8 images [N, H, W, C]."""


@dataclass(frozen=True)
class TrainingImages:
    """The images a run is trained on.

    Attributes:
        pixels: uint8 [N, H, W, C], on the CPU or still on disk.
        held_out: uint8 [M, H, W, C], kept from training; M may be 0.
        labels: int64 [N]; None unless the run is conditional.
        classes: Number of classes of a conditional run, else 0.
        held_out_labels: int64 [M]; None unless the run is conditional.
    """

    pixels: Pixels
    held_out: Pixels
    labels: Tensor | None = None
    classes: int = 0
    held_out_labels: Tensor | None = None


def select(
    prepared: PreparedImages, tables: CoreTables, label: int | None = None
) -> TrainingImages:
    """Divide prepared images as a recipe's tables say, and check the labels of a conditional run.

    With a `label`, images of other classes are left out.

    Raises:
        DataError: When a conditional run has an image without a label; it is named.
    """
    conditional = tables.training.conditional
    chosen, kept = split(prepared.names, tables.image.held_out, tables.training.seed)
    if label is not None:
        chosen, kept = (rows[prepared.labels[rows] == label] for rows in (chosen, kept))
    labels = _labels(prepared) if conditional else None
    return TrainingImages(
        pixels=MappedPixels(prepared.images, chosen),
        held_out=MappedPixels(prepared.images, kept),
        labels=None if labels is None else labels[torch.from_numpy(chosen)],
        classes=len(prepared.classes) if conditional else 0,
        held_out_labels=None if labels is None else labels[torch.from_numpy(kept)],
    )


def _labels(prepared: PreparedImages) -> Tensor:
    """Return every image's label, int64 [N]."""
    unlabeled = (prepared.labels < 0).nonzero()[0]
    if len(unlabeled):
        name = prepared.names[int(unlabeled[0])]
        raise DataError(
            f"{len(unlabeled)} of {len(prepared)} images have no label, the first is {name!r}",
            "a conditional run needs one class folder for every image; "
            "set training.conditional = false to train without labels",
        )
    return torch.from_numpy(prepared.labels.copy())


def split(
    names: Sequence[str], held_out: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide images into those to train on and those to hold out, by a hash of their names.

    The images with the smallest hashes are held out, so that adding or removing some files moves
    few of the others. Of a share above 0, in [0, 1), at least one is. Another seed holds out
    others.

    Returns:
        Indices in increasing order, two int64 arrays.
    """
    count = len(names)
    size = min(max(1, round(held_out * count)), count - 1) if held_out > 0 else 0
    if size <= 0:
        return np.arange(count, dtype=np.int64), np.empty(0, np.int64)
    key = str(seed).encode()[:64]
    hashes = b"".join(
        blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
        for name in names
    )
    order = np.argsort(np.frombuffer(hashes, "<u8"), kind="stable")
    return np.sort(order[size:]), np.sort(order[:size])
