"""Batches of images too many for the device, fetched while the step before is computed."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor

    from gantool.data.pixels import Pixels

AHEAD = 3
"""Batches that are fetched before they are asked for."""


def ready_to_send(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor as it can be copied to a device without waiting for the work before."""
    on_cpu = tensor.device.type == "cpu"
    return tensor.pin_memory() if on_cpu and device.type == "cuda" else tensor


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor on a device; on CUDA nobody waits for the copy."""
    # elsewhere what is copied may be gone before the copy is made
    return ready_to_send(tensor, device).to(device, non_blocking=device.type == "cuda")


class Stream:
    """Reads batches ahead in a thread of its own.

    Args:
        images: Where they are read from.
        device: Where batches are wanted.

    Attributes:
        waited: Seconds that the training has waited for images.
    """

    def __init__(self, images: Pixels, device: torch.device) -> None:
        self.waited = 0.0
        self._images = images
        self._device = device
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="images")
        self._coming: dict[int, Future[Tensor]] = {}

    def __len__(self) -> int:
        return len(self._images)

    def take(self, number: int, indices: Callable[[int], Tensor]) -> Tensor:
        """Return the images of a batch, uint8 [n, H, W, C], and have later ones fetched.

        Args:
            number: Of the batch.
            indices: Returns which images a batch holds, int64 [n].
        """
        if number not in self._coming:  # the first batch, or a jump: after a rollback
            self._forget()
        for later in range(number, number + 1 + AHEAD):
            if later not in self._coming:
                self._coming[later] = self._reader.submit(self._read, indices(later))
        start = time.perf_counter()
        pixels = self._coming.pop(number).result()
        self.waited += time.perf_counter() - start
        return pixels.to(self._device, non_blocking=self._device.type == "cuda")

    def _read(self, chosen: Tensor) -> Tensor:
        return ready_to_send(self._images[chosen], self._device)

    def _forget(self) -> None:
        for future in self._coming.values():
            future.cancel()
        self._coming.clear()
