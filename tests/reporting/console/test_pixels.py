"""Pictures of half blocks, read back from what is written to the terminal."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from rich.console import Console

from gantool.reporting.console.pixels import LEAST_IMAGES, Layout, Thumbnails, lay_out, shows_pixels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

pytestmark = pytest.mark.quick

CELL = re.compile(r"\x1b\[([\d;]*)m([▀▄])\x1b\[0m| ")
TRUE = re.compile(r"(38|48);2;(\d+);(\d+);(\d+)")
INDEXED = re.compile(r"(38|48);5;(\d+)")
Rgb = tuple[int, ...]


def written(thumbnails: Thumbnails, colors: Literal["256", "truecolor"]) -> list[str]:
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=True,
        color_system=colors,
        width=80,
        _environ={},
    )
    console.print(thumbnails, end="")
    return file.getvalue().splitlines()


def pixels(lines: list[str]) -> list[list[Rgb | None]]:
    """Return the colors of every row of pixels; None where the terminal's own shows."""
    rows: list[list[Rgb | None]] = []
    for line in lines:
        upper: list[Rgb | None] = []
        lower: list[Rgb | None] = []
        for style, block in CELL.findall(line):
            found = {kind: tuple(map(int, rgb)) for kind, *rgb in TRUE.findall(style)}
            front, back = found.get("38"), found.get("48")
            upper.append(front if block == "▀" else None)
            lower.append(back if block == "▀" else front)
        rows += [upper, lower]
    return rows


def images(count: int, height: int, width: int, channels: int = 3) -> NDArray[np.uint8]:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (count, height, width, channels), dtype=np.uint8)


def test_each_pixel_is_where_it_belongs() -> None:
    some = images(4, 5, 3)
    rows = pixels(written(Thumbnails(some, Layout(2, 2, 5, 3)), "truecolor"))
    assert len(rows) == 12  # 5 and 5 and a gap, and one that fills the last line
    assert {len(row) for row in rows} == {7}
    for index, image in enumerate(some):
        top, left = 6 * (index // 2), 4 * (index % 2)
        shown = [row[left : left + 3] for row in rows[top : top + 5]]
        assert shown == [[tuple(pixel) for pixel in row] for row in image.tolist()]
    assert all(pixel is None for pixel in rows[5])
    assert all(row[3] is None for row in rows)


@pytest.mark.parametrize("channels", [1, 4])
def test_gray_and_transparent_images_are_shown_as_they_look(channels: int) -> None:
    some = images(1, 2, 2, channels)
    rows = pixels(written(Thumbnails(some, Layout(1, 1, 2, 2)), "truecolor"))
    if channels == 1:
        expected = some[0].repeat(3, axis=2).astype(float)
    else:
        expected = some[0, :, :, :3] * (some[0, :, :, 3:] / 255)  # on black
    assert np.abs(np.array(rows, float) - expected).max() <= 1


def test_an_image_is_made_smaller_by_means_of_its_pixels() -> None:
    some = images(1, 8, 8)
    rows = pixels(written(Thumbnails(some, Layout(1, 1, 2, 2)), "truecolor"))
    means = some[0].reshape(2, 4, 2, 4, 3).mean((1, 3))
    assert np.abs(np.array(rows, float) - means).max() <= 1


def test_with_256_colors_the_nearest_is_taken() -> None:
    some = images(1, 2, 40)
    (line,) = written(Thumbnails(some, Layout(1, 1, 2, 40)), "256")
    levels = [0, *range(95, 256, 40)]
    known = [(r, g, b) for r in levels for g in levels for b in levels]
    known += [(gray,) * 3 for gray in range(8, 239, 10)]
    distances = np.square(np.array(known) - some[0, :, :, None].astype(float)).sum(
        3
    )  # [2, 40, 240]
    shown = np.array([int(index) for _, index in INDEXED.findall(line)]).reshape(40, 2).T - 16
    best = np.take_along_axis(distances, shown[:, :, None], 2)[:, :, 0]
    assert best == pytest.approx(distances.min(2))


@pytest.mark.parametrize(
    "shape", [(64, 32, 32), (64, 64, 64), (64, 48, 64), (3, 16, 16), (1, 8, 8)]
)
def test_images_fit_and_are_as_large_as_that_allows(shape: tuple[int, int, int]) -> None:
    count, tall, wide = shape
    for width in range(54, 201, 7):
        for height in range(12, 49, 4):
            layout = lay_out(shape, width, height)
            assert layout is not None
            assert layout.columns * (layout.width + 1) - 1 <= width
            assert layout.rows * (layout.height + 1) - 1 <= height
            assert layout.height <= tall
            assert layout.width == pytest.approx(layout.height * wide / tall, abs=0.5)
            assert layout.rows * (layout.columns - 1) < count
    assert lay_out(shape, 80, 28) is not None


def test_there_are_enough_images_in_a_usual_terminal() -> None:
    assert lay_out((64, 32, 32), 80, 28) == Layout(2, 5, 13, 13)
    assert lay_out((64, 32, 32), 120, 48) == Layout(2, 5, 23, 23)
    assert lay_out((4, 64, 64), 120, 48) == Layout(2, 2, 23, 23)
    assert LEAST_IMAGES <= 2 * 5
    assert lay_out((64, 32, 32), 80, 8) is None
    assert lay_out((64, 32, 320), 50, 40) is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, True),
        ({"COLORTERM": "truecolor"}, True),
        ({"NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm-16color"}, False),
    ],
)
def test_pictures_need_colors(environ: dict[str, str], expected: bool) -> None:
    environ = {"TERM": "xterm-256color", **environ}
    file = io.StringIO()
    assert shows_pixels(Console(file=file, force_terminal=True, _environ=environ)) is expected


def test_pictures_need_a_terminal_and_characters(screen_console: Callable[..., Console]) -> None:
    assert shows_pixels(screen_console())
    assert not shows_pixels(Console(file=io.StringIO(), _environ={}))
    raw = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert not shows_pixels(Console(file=raw, force_terminal=True, color_system="256"))
