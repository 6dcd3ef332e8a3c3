"""The prepared images that a run is trained on, and those that are kept from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from gantool.data.pixels import MappedPixels
from gantool.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.data.pixels import Pixels
    from gantool.data.prepared import PreparedImages


@dataclass(frozen=True)
class TrainingImages:
    """The images a run is trained on.

    Attributes:
        pixels: uint8 [N, H, W, C], on the CPU or still on disk.
        held_out: uint8 [M, H, W, C], kept from training; M may be 0.
        labels: int64 [N]; None unless the run is conditional.
        classes: Number of classes of a conditional run, else 0.
    """

    pixels: Pixels
    held_out: Pixels
    labels: Tensor | None = None
    classes: int = 0


def select(
    prepared: PreparedImages, *, held_out: float, seed: int, conditional: bool
) -> TrainingImages:
    """Divide prepared images and check the labels of a conditional run.

    Args:
        prepared: All usable images.
        held_out: Share to keep from training, in [0, 1).
        seed: Another seed keeps others.
        conditional: Whether every image needs a label.

    Raises:
        DataError: When a conditional run has an image without a label; it is named.
    """
    chosen, kept = prepared.split(held_out, seed)
    labels = _labels(prepared) if conditional else None
    return TrainingImages(
        pixels=MappedPixels(prepared.images, chosen),
        held_out=MappedPixels(prepared.images, kept),
        labels=None if labels is None else labels[torch.from_numpy(chosen)],
        classes=len(prepared.classes) if conditional else 0,
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
