"""Exact and near duplicates among images, found in bounded time and memory."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

BANDS = 8
NEAREST = 8
"""Candidates that are kept for each hash."""
MOST_COMPARED = 4096
"""Hashes of a band, right before it, that one is compared with. Only where nearly all images are
alike, more of them share eight bits."""
BLOCK_CANDIDATES = 1 << 20
FAR = 255
BITS = 7
"""Most bits of 64 in which the hashes of two near duplicates differ."""
CORRELATION = 0.9
"""Least correlation of the gray values of two near duplicates."""
FLAT = 2.0
"""Standard deviation of gray values below which an image has no structure to compare."""
CHANCE = 0.8
"""Correlation of thumbnails below which that of the images is not computed."""
SIDE, ROWS, COLUMNS = 8, 8, 9
"""Cells of thumbnails, and of hashes."""
TINY = 1e-6
BLOCK_IMAGES = 256
BLOCK_PAIRS = 1 << 14
BLOCK_VALUES = 1 << 20
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def close_pairs(hashes: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    """Return pairs of hashes few bits apart: for each, the 8 nearest of those before it.

    Of 8 bands of 8 bits at least one is equal in a pair that is at most 7 bits apart, so only
    hashes that share a band are compared.

    Args:
        hashes: uint64 [N].
        bits: Most bits in which a pair differs, at most 7.

    Returns:
        int64 [P, 2], each smaller index first; sorted by the larger, then the smaller.
    """
    kept = np.empty((0, 3), np.int32)  # late, bits apart, early
    for band in range(BANDS):
        values = (hashes >> np.uint64(8 * band)) & np.uint64(255)
        order = np.argsort(values, kind="stable")
        found = [kept]
        for members in np.split(order, np.flatnonzero(np.diff(values[order])) + 1):
            found += _pairs_among(members, hashes[members], bits)
        kept = _nearest(np.concatenate(found))
    pairs = kept[:, [2, 0]].astype(np.int64)
    return pairs[np.lexsort(pairs.T)]


def _pairs_among(
    members: NDArray[np.int64], hashes: NDArray[np.uint64], bits: int
) -> Iterator[NDArray[np.int32]]:
    """Yield the nearest pairs among hashes in increasing order, some rows at a time."""
    rows = max(1, BLOCK_CANDIDATES // max(1, min(len(members), MOST_COMPARED)))
    for start in range(0, len(members), rows):
        stop = min(start + rows, len(members))
        first = max(0, start - MOST_COMPARED)
        apart = np.bitwise_count(hashes[start:stop, None] ^ hashes[None, first:stop])  # [R, C]
        apart[np.arange(first, stop) >= np.arange(start, stop)[:, None]] = FAR
        late, early = _smallest(apart, bits)
        triples = (members[start + late], apart[late, early], members[first + early])
        yield np.stack([each.astype(np.int32) for each in triples], 1)


def _smallest(apart: NDArray[np.uint8], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of each row's smallest numbers up to `most`, the first of equals."""
    close = apart <= most
    many = np.flatnonzero(close.sum(1) > NEAREST)
    if len(many):
        keys = apart[many].astype(np.int64) * apart.shape[1] + np.arange(apart.shape[1])
        chosen = np.argpartition(keys, NEAREST, axis=1)[:, :NEAREST]
        close[many] = False
        close[many[:, None], chosen] = True
    rows, columns = np.nonzero(close)
    return rows, columns


def _nearest(found: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return each late hash's nearest early ones, [P, 3]."""
    found = np.unique(found, axis=0)  # sorted by late, bits apart, early
    kept: NDArray[np.int32] = found[_ranks(found[:, 0]) < NEAREST]
    return kept


def _ranks(groups: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the place of each among its equals, which are neighbors."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.append(starts, len(groups))))


def identical(digests: NDArray[np.uint8]) -> dict[int, int]:
    """Return, for each exact copy of a file, the first one that it copies."""
    first: dict[bytes, int] = {}
    originals = [first.setdefault(digest.tobytes(), row) for row, digest in enumerate(digests)]
    return {row: original for row, original in enumerate(originals) if original != row}


def similar(images: NDArray[np.uint8], known: Collection[int] = ()) -> dict[int, int]:
    """Return, for each near duplicate, an earlier image that looks nearly the same.

    Candidates are pairs whose difference hashes are at most 7 bits apart, for each image the 8
    nearest; they are confirmed by the correlation of their gray values, which compression and
    brightness leave high. Flat images are compared by their mean gray. Time and memory are
    bounded also where all images look alike: see `close_pairs`.
    """
    looks = Looks(images)
    compared = np.ones(len(images), bool)
    compared[list(known)] = False
    textured = np.flatnonzero(compared & ~looks.flat)
    pairs = textured[close_pairs(looks.hashes[textured], BITS)]  # [P, 2]
    found = _first_alike(images, pairs[_may_be_alike(looks.thumbnails, pairs)])
    found |= _same_flats(looks.means, np.flatnonzero(compared & looks.flat))
    copies: dict[int, int] = {}
    for late, early in sorted(found.items()):
        copies[late] = copies.get(early, early)
    return copies


class Looks:
    """The looks of images, uint8 [N, H, W, C], by which they are compared: 80 bytes for each.

    Attributes:
        hashes: 64 bits: whether brightness rises to the right, between 8x9 cells; uint64 [N].
        thumbnails: Mean gray of 8x8 cells, uint8 [N, 64].
        means: Mean gray, float32 [N].
        flat: Whether there is no structure to compare, bool [N].
    """

    def __init__(self, images: NDArray[np.uint8]) -> None:
        count = len(images)
        self.hashes = np.empty(count, np.uint64)
        self.thumbnails = np.empty((count, SIDE * SIDE), np.uint8)
        self.means = np.empty(count, np.float32)
        self.flat = np.empty(count, bool)
        for start, block in blocks(images):
            rows, gray = slice(start, start + len(block)), _gray(block)  # [B, H, W]
            cells = _cells(gray, ROWS, COLUMNS)  # [B, 8, 9]
            rises = (cells[:, :, 1:] > cells[:, :, :-1]).reshape(len(cells), ROWS * (COLUMNS - 1))
            self.hashes[rows] = np.packbits(rises, axis=1).view(np.uint64)[:, 0]
            self.thumbnails[rows] = np.rint(_cells(gray, SIDE, SIDE)).reshape(len(gray), -1)
            self.means[rows] = gray.mean((1, 2))
            self.flat[rows] = gray.std((1, 2)) < FLAT


def blocks(images: NDArray[np.uint8]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield blocks of images with their starts, holding one block of a memory map at a time."""
    for start in range(0, len(images), BLOCK_IMAGES):
        yield start, images[start : start + BLOCK_IMAGES]
        release(images)


def release(images: NDArray[np.uint8]) -> None:
    """Let the system free what was read of a memory map; it can be read again."""
    mapped = getattr(images, "base", None)
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        mapped.madvise(mmap.MADV_DONTNEED)


def _gray(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return gray values, [..., H, W] in [0, 255]."""
    colors = images[..., :3].astype(np.float32)
    return colors[..., 0] if colors.shape[-1] == 1 else colors @ LUMA


def _cells(gray: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """Return the means of cells that cover each image, [N, rows, columns]."""
    height, width = gray.shape[1:]
    tops, lefts = np.arange(rows) * height // rows, np.arange(columns) * width // columns
    sums = np.add.reduceat(np.add.reduceat(gray, tops, axis=1), lefts, axis=2)
    heights = np.maximum(1, np.diff(np.append(tops, height)))
    widths = np.maximum(1, np.diff(np.append(lefts, width)))
    means: NDArray[np.float32] = (sums / (heights[:, None] * widths)).astype(np.float32)
    return means


def _may_be_alike(thumbnails: NDArray[np.uint8], pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which pairs may be alike by their thumbnails, bool [P]; it spares most reading."""
    chance = np.empty(len(pairs), bool)
    for start in range(0, len(pairs), BLOCK_PAIRS):
        block = slice(start, start + BLOCK_PAIRS)
        early, late = (thumbnails[side].astype(np.float32) for side in pairs[block].T)
        chance[block] = _correlation(early, late) > CHANCE
    return chance


def _first_alike(images: NDArray[np.uint8], pairs: NDArray[np.int64]) -> dict[int, int]:
    """Return, for each later image of pairs in order, the first earlier one that is alike."""
    found: dict[int, int] = {}
    ranks = _ranks(pairs[:, 1])
    for rank in range(int(ranks.max(initial=-1)) + 1):
        turn = [pair for pair in pairs[ranks == rank].tolist() if pair[1] not in found]
        found |= {late: early for early, late in _confirmed(images, turn)}
    return found


def _confirmed(images: NDArray[np.uint8], pairs: list[list[int]]) -> Iterator[list[int]]:
    """Yield the pairs whose gray values are correlated."""
    height, width = images.shape[1:3]
    size = max(1, BLOCK_VALUES // (height * width))
    for start in range(0, len(pairs), size):
        block = pairs[start : start + size]
        early, late = (_gray(images[list(side)]) for side in zip(*block, strict=True))  # [B, H, W]
        alike = _correlation(early.reshape(len(block), -1), late.reshape(len(block), -1))
        yield from (pair for pair, near in zip(block, alike > CORRELATION, strict=True) if near)
        release(images)


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the correlation of rows, [B, F] and [B, F] to [B]; that of a constant is 0."""
    one = one - one.mean(1, keepdims=True)
    other = other - other.mean(1, keepdims=True)
    scale = np.sqrt((one * one).sum(1) * (other * other).sum(1))
    correlation: NDArray[np.float32] = (one * other).sum(1) / np.maximum(scale, TINY)
    return correlation


def _same_flats(means: NDArray[np.float32], flats: NDArray[np.int64]) -> dict[int, int]:
    """Return, for each flat image, the first one whose gray is less than 2 levels from it."""
    first: dict[int, list[int]] = {}
    copies: dict[int, int] = {}
    for index in flats.tolist():
        gray = float(means[index])
        bins = range(int(gray // FLAT) - 1, int(gray // FLAT) + 2)
        near = (each for bin_ in bins for each in first.get(bin_, ()))
        alike = [each for each in near if abs(float(means[each]) - gray) < FLAT]
        if alike:
            copies[index] = min(alike)
        else:
            first.setdefault(bins[1], []).append(index)
    return copies
