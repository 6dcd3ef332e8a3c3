"""Names stand beside their rows, in any script, and leave the pictures as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantool.reporting.pictures.grids import BACKGROUND, GAP, MARGIN, WIDEST, draw_grid, stream_grid


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_each_row_has_its_name_before_it(tmp_path: Path, channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, channels), dtype=np.uint8)
    path = tmp_path / "grid.png"
    stream_grid(
        [images[:3], images[3:]],
        6,
        path,
        2,
        ["Ада", "a name that is far too long to be shown " * 5, " "],
    )
    with Image.open(path) as picture:
        pixels = np.asarray(picture).reshape(picture.height, picture.width, channels)
    plain = draw_grid(images, 2)
    margin, grid = np.split(pixels, [pixels.shape[1] - plain.shape[1]], axis=1)
    assert (grid == plain).all()
    assert WIDEST / 2 < margin.shape[1] <= WIDEST + 2 * MARGIN
    down = (plain.shape[0] - GAP) // 3
    written = [
        bool((margin[row * down : (row + 1) * down] != BACKGROUND[channels]).any())
        for row in range(3)
    ]
    assert written == [True, True, False]
