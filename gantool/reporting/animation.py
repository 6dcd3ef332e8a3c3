"""Training as a moving picture: the sample grids, one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.files.durable import make_folder, written_aside
from gantool.reporting.page.images import pick_evenly, read_picture, unmagnified

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

MOST_FRAMES = 120
FRAME_MILLISECONDS = 350
LAST_MILLISECONDS = 2500
WIDTH = 640
"""Pixels up to which frames are magnified by a whole factor."""
TEXT_PIXELS = 16
PAPER, INK = (24, 24, 24), (230, 230, 230)
QUALITY = 82


def write_animation(
    grids: Sequence[tuple[str, Path]], tile: tuple[int, int], count: int, path: Path
) -> None:
    """Write an animated WebP of a run's sample grids, which holds the last one for a while.

    Args:
        grids: A label, as in "epoch 10", and the PNG file of each, in order; at least one.
        tile: Height and width of an image in a grid.
        count: Images in a grid.
        path: The WebP file, written aside and renamed.

    Raises:
        OSError: When a grid cannot be read or the file not written.
        ValueError: When there is no grid.
    """
    if not grids:
        raise ValueError("expected at least one grid to animate, got none")
    frames = [
        _frame(unmagnified(read_picture(grid), tile, count), label)
        for label, grid in pick_evenly(grids, MOST_FRAMES)
    ]
    size = (max(frame.width for frame in frames), max(frame.height for frame in frames))
    frames = [_padded(frame, size) for frame in frames]
    durations = [*[FRAME_MILLISECONDS] * (len(frames) - 1), LAST_MILLISECONDS]
    make_folder(path.parent)
    with written_aside(path) as aside:
        frames[0].save(
            aside,
            format="WEBP",
            save_all=True,
            append_images=frames[1:],
            duration=durations,
            loop=0,
            quality=QUALITY,
            method=4,
        )


def _frame(grid: NDArray[np.uint8], label: str) -> Image:
    """Return a grid with its label below."""
    from PIL import Image, ImageDraw, ImageFont

    factor = max(1, WIDTH // grid.shape[1])
    large = grid.repeat(factor, axis=0).repeat(factor, axis=1)
    picture = Image.fromarray(large[:, :, 0] if large.shape[2] == 1 else large).convert("RGBA")
    height = picture.height + 2 * TEXT_PIXELS
    frame = Image.new("RGB", (picture.width, height), PAPER)
    frame.paste(picture, (0, 0), picture)
    place = (TEXT_PIXELS // 2, picture.height + TEXT_PIXELS)
    font = ImageFont.load_default(TEXT_PIXELS)
    ImageDraw.Draw(frame).text(place, label, fill=INK, font=font, anchor="lm")
    return frame


def _padded(frame: Image, size: tuple[int, int]) -> Image:
    """Return a frame of the size of all others: a run that goes on may draw other grids."""
    from PIL import Image

    if frame.size == size:
        return frame
    padded = Image.new("RGB", size, PAPER)
    padded.paste(frame, (0, 0))
    return padded
