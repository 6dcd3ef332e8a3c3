from __future__ import annotations

import io
import random
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from gantool.data.duplicates import Looks, identical, similar

pytestmark = pytest.mark.quick


def plain_hash(image: np.ndarray) -> int:
    """The difference hash by its definition, cell by cell."""
    gray = image[..., :3].astype(float)
    gray = gray[..., 0] if image.shape[-1] == 1 else gray @ (0.299, 0.587, 0.114)
    height, width = gray.shape
    rows = [i * height // 8 for i in range(8)] + [height]
    columns = [j * width // 9 for j in range(9)] + [width]
    bits = ""
    for i in range(8):
        cells = [gray[rows[i] : rows[i + 1], columns[j] : columns[j + 1]].mean() for j in range(9)]
        bits += "".join(str(int(b > a)) for a, b in pairwise(cells))
    return int(bits, 2)


@pytest.mark.parametrize(("height", "width", "channels"), [(64, 64, 3), (17, 30, 1), (8, 9, 4)])
def test_difference_hash_is_by_its_definition(height: int, width: int, channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (600, height, width, channels), np.uint8)
    found = Looks(images).hashes
    assert found.dtype == np.uint64
    for image, value in zip(images[::100], found[::100], strict=True):
        assert int.from_bytes(value.tobytes(), "big") == plain_hash(image)


def test_hash_of_tiny_images_exists() -> None:
    assert Looks(np.zeros((3, 2, 1, 3), np.uint8)).hashes.tolist() == [0, 0, 0]


def test_identical_are_files_of_one_digest() -> None:
    digests = np.array([[1, 1], [1, 2], [1, 1], [1, 2], [3, 3], [1, 1]], np.uint8)
    assert identical(digests) == {2: 0, 3: 1, 5: 0}


def patchwork(seed: int) -> Image.Image:
    patches = np.random.default_rng(seed).integers(0, 256, (14, 14, 3), np.uint8)
    return Image.fromarray(patches).resize((64, 64), Image.Resampling.BICUBIC)


def variants(image: Image.Image) -> list[Image.Image]:
    worse = io.BytesIO()
    image.save(worse, "JPEG", quality=40)
    return [
        Image.open(worse),
        ImageEnhance.Brightness(image).enhance(0.8),
        image.convert("L").convert("RGB"),
    ]


def test_changed_copies_are_found_and_others_are_not() -> None:
    originals = [patchwork(seed) for seed in range(40)]
    copies = [copy for image in originals[:8] for copy in variants(image)]
    images = np.stack([np.asarray(image) for image in originals + copies])
    expected = {40 + place: place // 3 for place in range(24)}
    assert similar(images) == expected


def test_flat_images_are_compared_by_their_color() -> None:
    images = np.zeros((5, 16, 16, 3), np.uint8)
    images[1], images[2], images[3], images[4] = 100, 1, 101, 200
    assert similar(images) == {2: 0, 3: 1}


def test_known_copies_are_not_compared() -> None:
    image = np.asarray(patchwork(0))
    images = np.stack([image, image, np.asarray(variants(patchwork(0))[1])])
    assert similar(images) == {1: 0, 2: 0}
    assert similar(images, known=[1]) == {2: 0}


def test_a_memory_map_is_compared_like_an_array(tmp_path: Path) -> None:
    images = np.stack([np.asarray(patchwork(seed % 300)) for seed in range(310)])
    images.tofile(tmp_path / "images")
    mapped = np.memmap(tmp_path / "images", np.uint8, "r", shape=images.shape)
    expected = {300 + number: number for number in range(10)}
    assert similar(images) == similar(mapped) == expected


@pytest.mark.parametrize("equal", range(8))
def test_pair_that_is_equal_in_one_row_alone_is_found(equal: int) -> None:
    cells = np.tile(np.arange(9) * 20, (8, 1))
    other = cells.copy()
    for row in range(8):
        if row != equal:
            other[row, [0, 1]] = other[row, [1, 0]]  # one bit of this row's eight
    assert (plain_hash(cells[..., None]) ^ plain_hash(other[..., None])).bit_count() == 7
    assert similar(np.stack([cells, other])[..., None].astype(np.uint8)) == {1: 0}


def test_equal_hashes_do_not_make_copies() -> None:
    rising = np.tile(np.arange(9) * 3, (8, 1))
    light, dark = np.arange(8)[:, None] * 25, 175 - np.arange(8)[:, None] * 25
    images = np.stack([rising + light, rising + dark])[..., None].astype(np.uint8)
    assert len(set(Looks(images).hashes.tolist())) == 1
    assert similar(images) == {}


def test_every_close_pair_is_compared() -> None:
    """Against all pairs, on images whose hashes differ in 1 to 12 bits."""
    chance = random.Random(0)
    base = np.cumsum(np.random.default_rng(1).normal(0, 20, (8, 9)), axis=1)
    images = []
    for _ in range(60):
        cells = base.copy()
        for _ in range(chance.randint(0, 6)):
            row, column = chance.randrange(8), chance.randrange(8)
            cells[row, [column, column + 1]] = cells[row, [column + 1, column]]
        cells = (cells - cells.min()) / np.ptp(cells) * 255
        images.append(np.repeat(cells[..., None], 3, axis=2).astype(np.uint8))
    hashes = [plain_hash(image) for image in images]
    close = {
        (i, j)
        for i, j in combinations(range(60), 2)
        if (hashes[i] ^ hashes[j]).bit_count() <= 7
        and np.corrcoef(images[i][..., 0].ravel(), images[j][..., 0].ravel())[0, 1] > 0.9
    }
    expected = {j for _, j in close}
    assert 10 < len(expected) < 59
    assert set(similar(np.stack(images))) == expected
