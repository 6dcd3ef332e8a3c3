"""Images at rest: in memory, or read from the prepared array when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class Pixels(Protocol):
    """uint8 images [N, H, W, C]: a tensor, or what is read like one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """N, H, W and C."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Tensor:
        """Return the images of a slice, or of indices int64 [n], in memory."""


class MappedPixels:
    """Some of the prepared images, which stay on disk until somebody looks at them.

    Args:
        images: uint8 [M, H, W, C], mapped into memory.
        chosen: Which of them, and in which order, int64 [N].
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
