"""Find images that show the same picture, exactly or nearly."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

BITS = 7
"""Most bits of 64 in which the hashes of two near duplicates differ."""
CORRELATION = 0.9
"""Least correlation of the gray values of two near duplicates."""
FLAT = 2.0
"""Standard deviation of gray values below which an image has no structure to compare."""
ROWS, COLUMNS = 8, 9
BANDS = 8
BLOCK_IMAGES = 256
BLOCK_PAIRS = 1 << 22
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def identical(images: NDArray[np.uint8], content: Callable[[int], bytes]) -> dict[int, int]:
    """Return, for each exact copy, the first image that it copies.

    Args:
        images: uint8 [N, H, W, C]; copies have equal pixels, so only those are looked into.
        content: Returns something equal for equal files, given an index.
    """
    by_pixels: dict[bytes, list[int]] = {}
    for index, image in enumerate(images):
        digest = blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
        by_pixels.setdefault(digest, []).append(index)
    copies: dict[int, int] = {}
    for group in by_pixels.values():
        first: dict[bytes, int] = {}
        for index in group if len(group) > 1 else ():
            original = first.setdefault(content(index), index)
            if original != index:
                copies[index] = original
    return copies


def similar(images: NDArray[np.uint8]) -> dict[int, int]:
    """Return, for each near duplicate, an earlier image that it nearly is.

    Candidates are pairs whose difference hashes are at most 7 bits apart; they are confirmed by
    the correlation of their gray values, which compression and brightness leave high.

    Args:
        images: uint8 [N, H, W, C].
    """
    hashes = difference_hash(images)
    copies = _alike_of_one_hash(images, hashes)
    originals = np.array([i for i in range(len(images)) if i not in copies], np.int64)
    for early, late in originals[_close_pairs(hashes[originals])]:
        if late not in copies and _alike(images[early], images[late]):
            copies[int(late)] = copies.get(int(early), int(early))
    return copies


def difference_hash(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return 64 bits an image: whether brightness rises to the right, between 8x9 cells.

    Args:
        images: uint8 [N, H, W, C].

    Returns:
        uint64 [N].
    """
    hashes = np.empty(len(images), np.uint64)
    for start in range(0, len(images), BLOCK_IMAGES):
        cells = _cells(_gray(images[start : start + BLOCK_IMAGES]))  # [B, 8, 9]
        rises = (cells[:, :, 1:] > cells[:, :, :-1]).reshape(len(cells), ROWS * (COLUMNS - 1))
        hashes[start : start + BLOCK_IMAGES] = np.packbits(rises, axis=1).view(np.uint64)[:, 0]
    return hashes


def _gray(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return gray values, [..., H, W] in [0, 255]."""
    colors = images[..., :3].astype(np.float32)
    return colors[..., 0] if colors.shape[-1] == 1 else colors @ LUMA


def _cells(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the means of 8x9 cells that cover each image, [N, 8, 9]."""
    height, width = gray.shape[1:]
    tops, lefts = np.arange(ROWS) * height // ROWS, np.arange(COLUMNS) * width // COLUMNS
    sums = np.add.reduceat(np.add.reduceat(gray, tops, axis=1), lefts, axis=2)
    heights = np.maximum(1, np.diff(np.append(tops, height)))
    widths = np.maximum(1, np.diff(np.append(lefts, width)))
    means: NDArray[np.float32] = (sums / (heights[:, None] * widths)).astype(np.float32)
    return means


def _alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    """Whether the gray values of two images are correlated, or equal where both are flat."""
    first, second = _gray(one).ravel(), _gray(other).ravel()
    if min(first.std(), second.std()) < FLAT:
        return bool(np.abs(first - second).mean() < FLAT)
    return bool(np.corrcoef(first, second)[0, 1] > CORRELATION)


def _alike_of_one_hash(images: NDArray[np.uint8], hashes: NDArray[np.uint64]) -> dict[int, int]:
    """Compare each image with those before it that have the very same hash."""
    originals: dict[int, list[int]] = {}
    copies: dict[int, int] = {}
    for index, value in enumerate(hashes.tolist()):
        candidates = originals.setdefault(value, [])
        near = (early for early in candidates[:16] if _alike(images[early], images[index]))
        if (original := next(near, None)) is None:
            candidates.append(index)
        else:
            copies[index] = original
    return copies


def _close_pairs(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return all pairs at most 7 bits apart, int64 [P, 2], each smaller index first, sorted.

    Of 8 bands of 8 bits at least one is equal in such a pair, so only images that share a band
    are compared.
    """
    found = [np.empty((0, 2), np.int64)]
    for band in range(BANDS):
        values = (hashes >> np.uint64(8 * band)) & np.uint64(255)
        order = np.argsort(values, kind="stable")
        starts = np.flatnonzero(np.diff(values[order])) + 1
        for members in np.split(order, starts):
            found.extend(_pairs_among(members, hashes[members]))
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs[np.lexsort(pairs.T)]  # by the later image, then the earlier


def _pairs_among(
    members: NDArray[np.int64], hashes: NDArray[np.uint64]
) -> Iterator[NDArray[np.int64]]:
    """Yield the close pairs among images in increasing order, some rows at a time."""
    rows = max(1, BLOCK_PAIRS // len(members))
    for start in range(0, len(members), rows):
        apart = np.bitwise_count(hashes[start : start + rows, None] ^ hashes[None, start:])
        early, late = np.nonzero(apart <= BITS)
        ordered = early < late
        yield np.stack([members[start + early[ordered]], members[start + late[ordered]]], axis=1)
