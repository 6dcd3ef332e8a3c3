"""Affine maps of images, differentiable as often as one likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """Return the inverse of a scaling by [N] and [N], [N, 3, 3]."""
    zero = torch.zeros_like(x)
    return _matrix([1 / x, zero, zero], [zero, 1 / y, zero])


def rotation(angle: Tensor) -> Tensor:
    """Return the inverse of a rotation by [N], [N, 3, 3]."""
    zero, cosine, sine = torch.zeros_like(angle), angle.cos(), angle.sin()
    return _matrix([cosine, sine, zero], [-sine, cosine, zero])


def translation(x: Tensor, y: Tensor) -> Tensor:
    """Return the inverse of a translation by [N] and [N] pixels, [N, 3, 3]."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return _matrix([one, zero, -x], [zero, one, -y])


def product(first: Tensor, second: Tensor) -> Tensor:
    """Return the products of matrices [N, 3, 3]; `@` may round its factors to 10 bits on a GPU."""
    return (first[:, :, :, None] * second[:, None]).sum(2)


def resampled(images: Tensor, inverse: Tensor) -> Tensor:
    """Return images [N, C, H, W] as an affine map moves them.

    Args:
        images: [N, C, H, W]; continued beyond their border by reflection.
        inverse: From a place in the result to the place it comes from, [N, 3, 3], in pixels from
            the center.
    """
    height, width = images.shape[2:]
    rows = torch.arange(height, dtype=images.dtype, device=images.device) - (height - 1) / 2
    columns = torch.arange(width, dtype=images.dtype, device=images.device) - (width - 1) / 2
    y, x = (place.flatten() for place in torch.meshgrid(rows, columns, indexing="ij"))  # [H W]
    from_x, from_y = (
        row[:, 0, None] * x + row[:, 1, None] * y + row[:, 2, None]  # [N, H W]
        for row in (inverse[:, 0], inverse[:, 1])
    )
    from_x = _reflected(from_x + (width - 1) / 2, width)
    from_y = _reflected(from_y + (height - 1) / 2, height)
    return _interpolated(images, from_y, from_x)


def _interpolated(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the images' values [N, C, H, W] between pixels, at places [N, H W] inside."""
    _, channels, height, width = images.shape
    pixels = images.flatten(2)  # [N, C, H W]
    top, left = rows.floor(), columns.floor()
    result = torch.zeros_like(pixels)
    for row, row_share in ((top, top + 1 - rows), (top + 1, rows - top)):
        for column, column_share in ((left, left + 1 - columns), (left + 1, columns - left)):
            index = row.clamp(max=height - 1) * width + column.clamp(max=width - 1)
            found = pixels.gather(2, index.long()[:, None].expand(-1, channels, -1))
            result = result + (row_share * column_share)[:, None] * found
    return result.view_as(images)


def _reflected(places: Tensor, side: int) -> Tensor:
    """Fold places beyond the first and the last pixel back into [0, side - 1]."""
    last = max(side - 1, 1)
    folded = places.abs() % (2 * last)
    return torch.minimum(folded, 2 * last - folded).clamp(max=side - 1)


def _matrix(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """Return matrices [N, 3, 3] whose last row is 0, 0, 1."""
    zero, one = torch.zeros_like(first[0]), torch.ones_like(first[0])
    rows = [torch.stack(row, 1) for row in (first, second, [zero, zero, one])]
    return torch.stack(rows, 1)
