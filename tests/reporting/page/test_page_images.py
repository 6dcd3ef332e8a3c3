"""Pictures inside pages."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gantool.reporting.page.images import (
    EmbeddedImage,
    embed,
    pick_evenly,
    read_picture,
    unmagnified,
)
from gantool.reporting.pictures.grids import save_grid

pytestmark = pytest.mark.quick

RANDOM = np.random.default_rng(0)


def pictures(*shape: int) -> NDArray[np.uint8]:
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def decoded(image: EmbeddedImage) -> Image.Image:
    kind, text = image.uri.split(",")
    assert kind == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(text)))


@pytest.mark.parametrize(
    ("count", "height", "width", "channels"),
    [(64, 32, 32, 3), (5, 16, 24, 3), (1, 8, 8, 1), (9, 64, 64, 4), (2, 300, 200, 3)],
)
def test_a_grid_without_its_magnification_has_every_pixel_once(
    tmp_path: Path, count: int, height: int, width: int, channels: int
) -> None:
    images = pictures(count, height, width, channels)
    path = tmp_path / "grid.png"
    save_grid(images, path)
    small = unmagnified(read_picture(path), (height, width), count)
    columns = (small.shape[1] - 1) // (width + 1)
    assert small.shape[0] == 1 + -(-count // columns) * (height + 1)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = 1 + row * (height + 1), 1 + column * (width + 1)
        found = small[top : top + height, left : left + width]
        np.testing.assert_array_equal(found, image)


def test_another_picture_is_left_as_it_is() -> None:
    picture = pictures(50, 60, 3)
    assert unmagnified(picture, (32, 32), 64) is picture


def test_what_is_embedded_looks_like_the_picture() -> None:
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)[:, :, None].repeat(3, 2)
    (image,) = embed([smooth])
    back = np.asarray(decoded(image).convert("RGB")).astype(int)
    assert np.abs(back - smooth).mean() < 3
    assert (image.width, image.height, image.factor) == (64, 64, 10)
    assert (image.width * image.factor, image.height * image.factor) == (640, 640)


@pytest.mark.parametrize("budget", [1_000_000, 100_000, 20_000, 5_000])
def test_pictures_fit_their_budget(budget: int) -> None:
    found = embed(list(pictures(10, 128, 128, 3)), budget_bytes=budget)
    assert sum(len(image.uri) for image in found) <= budget
    assert all(decoded(image).size == (image.width, image.height) for image in found)
    if budget >= 100_000:
        assert found[0].width == 128


def test_nothing_is_embedded_of_nothing() -> None:
    assert embed([]) == []


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n and then nothing"])
def test_what_is_no_picture_is_an_os_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "grid.png"
    path.write_bytes(content)
    with pytest.raises(OSError):
        read_picture(path)


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [
        (3, 25, [0, 1, 2]),
        (9, 5, [0, 2, 4, 6, 8]),
        (10, 2, [0, 9]),
        (10, 1, [9]),
        (0, 5, []),
    ],
)
def test_a_selection_is_even_and_keeps_the_ends(count: int, most: int, expected: list[int]) -> None:
    assert pick_evenly(range(count), most) == expected
