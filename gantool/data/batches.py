"""Batches of real images, gathered and normalized on the device."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import torch

from gantool.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from gantool.data.selection import Pixels

AHEAD = 3
"""Batches that are fetched before they are asked for."""
SMALLEST = 2
"""Images in the smallest batch: BatchNorm needs two."""


@dataclass(frozen=True)
class Rows:
    """Consecutive rows of the batch of all processes: from `start` up to, and without, `stop`."""

    start: int
    stop: int
    total: int

    @property
    def count(self) -> int:
        """Number of rows."""
        return self.stop - self.start

    @property
    def share(self) -> float:
        """Their share of the whole batch, in (0, 1]."""
        return self.count / self.total

    def divided(self, parts: int) -> list[Rows]:
        """Return them in parts of nearly equal size."""
        ends = [self.start]
        for left in range(parts, 0, -1):
            ends.append(ends[-1] + (self.stop - ends[-1]) // left)
        return [Rows(*pair, self.total) for pair in pairwise(ends)]

    def of(self, tensor: Tensor, held: Rows | None = None) -> Tensor:
        """Return these rows of a tensor, which holds the whole batch or the `held` rows of it."""
        first = 0 if held is None else held.start
        start, stop = self.start - first, self.stop - first
        return tensor if len(tensor) == self.count else tensor[start:stop]


def all_rows(total: int) -> Rows:
    """Return the rows of a whole batch."""
    return Rows(0, total, total)


def ready_to_send(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor in memory from which it can be copied to a device asynchronously."""
    on_cpu = tensor.device.type == "cpu"
    return tensor.pin_memory() if on_cpu and device.type == "cuda" else tensor


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device; CUDA copies asynchronously."""
    # elsewhere the source may be gone before the copy is made
    return ready_to_send(tensor, device).to(device, non_blocking=device.type == "cuda")


class Stream:
    """Reads batches ahead in a thread of its own."""

    def __init__(self, images: Pixels, device: torch.device) -> None:
        self.waited = 0.0  # seconds that the training has waited for images
        self._images = images
        self._device = device
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="images")
        self._coming: dict[int, Future[Tensor]] = {}

    def __len__(self) -> int:
        return len(self._images)

    def take(self, number: int, indices: Callable[[int], Tensor]) -> Tensor:
        """Return the images of a batch, uint8 [n, H, W, C], and start fetching later ones."""
        if number not in self._coming:  # the first batch, or a jump: after a rollback
            for future in self._coming.values():
                future.cancel()
            self._coming.clear()
        for later in range(number, number + 1 + AHEAD):
            if later not in self._coming:
                self._coming[later] = self._reader.submit(self._read, indices(later))
        start = time.perf_counter()
        pixels = self._coming.pop(number).result()
        self.waited += time.perf_counter() - start
        return pixels.to(self._device, non_blocking=self._device.type == "cuda")

    def _read(self, chosen: Tensor) -> Tensor:
        return ready_to_send(self._images[chosen], self._device)


class Batch(NamedTuple):
    """Images [N, C, H, W] in [-1, 1] and their labels, int64 [N], in a conditional run."""

    images: Tensor
    labels: Tensor | None
    rows: Rows

    def part(self, rows: Rows) -> Batch:
        """Return some of its rows."""
        labels = None if self.labels is None else rows.of(self.labels, self.rows)
        return Batch(rows.of(self.images, self.rows), labels, rows)


class Batches:
    """The training images in batches, each given by its number alone.

    Batch `n` always holds the same images: its epoch is n // per_epoch, and each epoch has its own
    order.

    Args:
        images: uint8 [N, H, W, C], as a tensor on the device or a stream to it.
        labels: int64 [N] on the device; None unless conditional.
        size: Images in a batch, over all processes.
        keep_last: Whether an epoch's last batch is kept when the images do not fill it.
        order: Returns the order of so many images in an epoch, int64 [N].
        dtype: Of the images in a batch, as their `layout` is.
        part: Index of this process, and the number of processes.

    Raises:
        RecipeError: When a batch would be empty or hold a single image of a process.
    """

    def __init__(
        self,
        images: Tensor | Stream,
        labels: Tensor | None,
        *,
        size: int,
        keep_last: bool,
        order: Callable[[int, int], Tensor],
        dtype: torch.dtype = torch.float32,
        layout: torch.memory_format = torch.channels_last,
        part: tuple[int, int] = (0, 1),
    ) -> None:
        _check(len(images), size, keep_last=keep_last, processes=part[1])
        self.count = len(images)
        self.labels = labels
        self.size = size
        self.per_epoch = -(-self.count // size) if keep_last else self.count // size
        self._dtype = dtype
        self._layout = layout
        self._part = part
        self.images = images
        where = torch.device("cpu") if isinstance(images, Stream) else images.device
        self._order = lru_cache(maxsize=2)(lambda epoch: send(order(epoch, self.count), where))

    @property
    def images_per_epoch(self) -> int:
        """Images that one epoch shows."""
        return min(self.count, self.per_epoch * self.size)

    def indices(self, number: int) -> Tensor:
        """Return the images of batch `number`, int64 [n], on the CPU where they are streamed."""
        epoch, start, stop = self._place(number)
        return self._order(epoch)[start:stop]

    def rows(self, number: int) -> Rows:
        """Return which rows of batch `number` are this process's."""
        _, start, stop = self._place(number)
        index, processes = self._part
        return all_rows(stop - start).divided(processes)[index]

    def batch(self, number: int, flips: Tensor | None = None) -> Batch:
        """Return this process's rows of batch `number` of the run.

        Of the whole batch, the images that `flips` names, boolean [size], are mirrored.
        """
        rows, chosen = self.rows(number), self.own_indices(number)
        if isinstance(self.images, Stream):
            pixels = self.images.take(number, self.own_indices)
        else:
            pixels = self.images[chosen]  # [n, H, W, C], on the device
        images = pixels.permute(0, 3, 1, 2).to(self._dtype)  # [n, C, H, W], channels last
        images = images.div_(127.5).sub_(1).contiguous(memory_format=self._layout)
        if flips is not None:
            mirrored = flips[rows.start : rows.stop, None, None, None]
            images = torch.where(mirrored, images.flip(3), images)
        labels = None if self.labels is None else self.labels[send(chosen, self.labels.device)]
        return Batch(images, labels, rows)

    def own_indices(self, number: int) -> Tensor:
        """Return which images this process's rows of batch `number` hold, int64 [n]."""
        return self.rows(number).of(self.indices(number))

    def _place(self, number: int) -> tuple[int, int, int]:
        """Return the epoch of batch `number`, and where in its order the batch starts and ends."""
        epoch, index = divmod(number, self.per_epoch)
        return epoch, index * self.size, min((index + 1) * self.size, self.count)


def _check(count: int, size: int, *, keep_last: bool, processes: int) -> None:
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
    last = count % size if keep_last else 0
    smallest = SMALLEST * processes
    each = "" if processes == 1 else f" for each of {processes} processes"
    if 0 < last < smallest:
        raise RecipeError(
            f"the last batch of an epoch would hold {_images(last)} ({count} images in batches of "
            f"{size}), and BatchNorm needs {SMALLEST}{each}",
            'set training.last_batch = "drop", or another training.batch_size',
        )
    if size < smallest:
        raise RecipeError(
            f"a batch of {size} is too small for {processes} processes: each needs {SMALLEST}",
            f"set training.batch_size to at least {smallest}, or start fewer processes",
        )


def _images(count: int) -> str:
    return f"{count} image" if count == 1 else f"{count} images"
