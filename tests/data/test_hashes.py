"""Close hashes are found as by comparing all with all, and no more of them than are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from gantool.data import duplicates
from gantool.data.duplicates import NEAREST, close_pairs


def clustered(count: int, flips: int) -> np.ndarray:
    """Hashes that each differ from one of three in up to so many bits, uint64 [N]."""
    random = np.random.default_rng(0)
    centers = random.integers(0, 1 << 63, 3, np.uint64)
    found = centers[random.integers(0, 3, count)]
    for _ in range(flips):
        found ^= np.uint64(1) << random.integers(0, 64, count, np.uint64)
    return found


def nearest_by_definition(values: np.ndarray, window: int | None = None) -> set[tuple[int, int]]:
    pairs = set()
    for late in range(len(values)):
        first = 0 if window is None else max(0, late - window)
        apart = [((int(values[e]) ^ int(values[late])).bit_count(), e) for e in range(first, late)]
        pairs |= {(early, late) for bits, early in sorted(apart)[:NEAREST] if bits <= 7}
    return pairs


@pytest.mark.parametrize(("count", "flips"), [(0, 0), (1, 0), (60, 4), (300, 3), (300, 0)])
def test_the_nearest_of_all_are_found(count: int, flips: int) -> None:
    values = clustered(count, flips)
    pairs = close_pairs(values, 7)
    found = set(map(tuple, pairs.tolist()))
    expected = nearest_by_definition(values)
    assert found == expected
    assert len(pairs) == len(found)
    assert pairs.tolist() == sorted(pairs.tolist(), key=lambda pair: (pair[1], pair[0]))
    assert count < 60 or len(expected) > count / 2


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = clustered(300, 4)
    whole = close_pairs(values, 7)
    monkeypatch.setattr(duplicates, "BLOCK_CANDIDATES", 1000)
    assert (close_pairs(values, 7) == whole).all()


def test_among_equals_only_those_right_before_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MOST_COMPARED", 20)
    monkeypatch.setattr(duplicates, "BLOCK_CANDIDATES", 20)
    values = np.zeros(200, np.uint64)
    found = set(map(tuple, close_pairs(values, 7).tolist()))
    assert found == nearest_by_definition(values, window=20)
