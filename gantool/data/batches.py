"""Batches of real images, gathered and normalized on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from gantool.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

SMALLEST = 2
"""Images in the smallest batch: BatchNorm needs two."""


class Batch(NamedTuple):
    """Images [N, C, H, W] in [-1, 1] and their labels, int64 [N], in a conditional run."""

    images: Tensor
    labels: Tensor | None


class Batches:
    """The training images on the device, portioned by the number of the batch alone.

    Batch `n` of a run holds the same images whenever it is asked for: its epoch is
    n // per_epoch, and each epoch has its own order.

    Args:
        images: uint8 [N, H, W, C] on the device.
        labels: int64 [N] on the device; None unless conditional.
        size: Images in a batch.
        keep_last: Whether an epoch's last batch is kept when the images do not fill it.
        order: Returns the order of the images in an epoch, int64 [N].
        dtype: Type of the images in a batch.
        layout: Memory order of the images in a batch.

    Raises:
        RecipeError: When a batch would be empty or hold a single image.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor | None,
        *,
        size: int,
        keep_last: bool,
        order: Callable[[int, int], Tensor],
        dtype: torch.dtype = torch.float32,
        layout: torch.memory_format = torch.channels_last,
    ) -> None:
        _check(len(images), size, keep_last=keep_last)
        self.images = images
        self.labels = labels
        self.size = size
        self.per_epoch = -(-len(images) // size) if keep_last else len(images) // size
        self._order = order
        self._dtype = dtype
        self._layout = layout
        self._epoch = -1
        self._permutation = torch.empty(0, dtype=torch.int64)

    @property
    def images_per_epoch(self) -> int:
        """Images that one epoch shows."""
        return min(len(self.images), self.per_epoch * self.size)

    def indices(self, number: int) -> Tensor:
        """Return which images batch `number` of the run holds, int64 [n]."""
        epoch, index = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            order = self._order(epoch, len(self.images))
            self._epoch, self._permutation = epoch, order.to(self.images.device)
        return self._permutation[index * self.size : (index + 1) * self.size]

    def batch(self, number: int, flips: Tensor | None = None) -> Batch:
        """Return batch `number` of the run.

        Args:
            number: Batches taken before it.
            flips: Boolean [size], which images are mirrored; None for none of them.
        """
        chosen = self.indices(number)
        pixels = self.images[chosen]  # [n, H, W, C]
        images = pixels.permute(0, 3, 1, 2).to(self._dtype)  # [n, C, H, W], channels last
        images = images.div_(127.5).sub_(1).contiguous(memory_format=self._layout)
        if flips is not None:
            images = torch.where(flips[: len(chosen), None, None, None], images.flip(3), images)
        labels = None if self.labels is None else self.labels[chosen]
        return Batch(images, labels)


def _check(count: int, size: int, *, keep_last: bool) -> None:
    """Refuse portions that cannot be trained on."""
    if count < SMALLEST:
        raise RecipeError(
            f"{count} images are left to train on, and a batch needs {SMALLEST}",
            "add images, or lower image.held_out",
        )
    if not keep_last and count < size:
        raise RecipeError(
            f"{count} images do not fill one batch of {size}",
            f'set training.batch_size to at most {count}, or training.last_batch = "keep"',
        )
    last = count % size
    if keep_last and 0 < last < SMALLEST:
        raise RecipeError(
            f"the last batch of an epoch would hold {last} image ({count} images in batches of "
            f"{size}), and BatchNorm needs {SMALLEST}",
            'set training.last_batch = "drop", or another training.batch_size',
        )
