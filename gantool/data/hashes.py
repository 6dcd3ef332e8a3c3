"""Close pairs among many hashes, in bounded time and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

BANDS = 8
NEAREST = 8
"""Candidates that are kept for each hash."""
MOST_COMPARED = 4096
"""Hashes of one band that one is compared with: those right before it. More of them share eight
bits only where nearly all images are alike."""
BLOCK_PAIRS = 1 << 20
FAR = 255


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
        found = [kept, *_pairs_of_band(hashes, band, bits)]
        kept = _nearest(np.concatenate(found))
    pairs = kept[:, [2, 0]].astype(np.int64)
    return pairs[np.lexsort(pairs.T)]


def _pairs_of_band(hashes: NDArray[np.uint64], band: int, bits: int) -> Iterator[NDArray[np.int32]]:
    """Yield the close pairs among hashes that are equal in eight bits."""
    values = (hashes >> np.uint64(8 * band)) & np.uint64(255)
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order])) + 1
    for members in np.split(order, starts):
        yield from _pairs_among(members, hashes[members], bits)


def _pairs_among(
    members: NDArray[np.int64], hashes: NDArray[np.uint64], bits: int
) -> Iterator[NDArray[np.int32]]:
    """Yield the nearest pairs among hashes in increasing order, some rows at a time."""
    rows = max(1, BLOCK_PAIRS // max(1, min(len(members), MOST_COMPARED)))
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
    starts = np.flatnonzero(np.diff(found[:, 0], prepend=-1))
    ranks = np.arange(len(found)) - np.repeat(starts, np.diff(np.append(starts, len(found))))
    kept: NDArray[np.int32] = found[ranks < NEAREST]
    return kept
