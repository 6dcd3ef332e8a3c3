"""Pictures inside a page: small, as data URIs, however many a run has drawn."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.reporting.pictures.grids import GAP, magnification, near_square, to_image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import TypeVar

    import numpy as np
    from numpy.typing import NDArray

    Item = TypeVar("Item")

MOST_FRAMES = 25
BUDGET_BYTES = 1_900_000
"""What all pictures of a page may take up, as text; the page has to stay below 3 MB."""
QUALITIES = (88, 80, 70, 55, 40, 25)
"""Of WebP, tried in turn until the pictures fit the budget."""
SHOWN_PIXELS = 640
"""Width at which a picture is shown, or the whole multiple of its own width next below that."""


@dataclass(frozen=True)
class EmbeddedImage:
    """A picture as text of the page, "data:image/webp;base64,…", and its own pixels.

    Each of them takes up `factor` pixels of the page, where there is room.
    """

    uri: str
    width: int
    height: int
    factor: int = 1


def pick_evenly(items: Sequence[Item], most: int = MOST_FRAMES) -> list[Item]:
    """Return at most so many of the items, evenly spread; the first and the last are among them."""
    if len(items) <= most:
        return list(items)
    if most == 1:
        return [items[-1]]
    return [items[round(index * (len(items) - 1) / (most - 1))] for index in range(most)]


def embed(
    pictures: Sequence[NDArray[np.uint8]],
    *,
    budget_bytes: int = BUDGET_BYTES,
    shown_pixels: int = SHOWN_PIXELS,
) -> list[EmbeddedImage]:
    """Return pictures as text, of the best quality with which all of them fit the budget.

    Where even the lowest does not, they are made smaller. Pictures are uint8 [H, W, C] with 1, 3 or
    4 channels, and shown at a width of `shown_pixels` or the next whole multiple below that.
    """
    sizes = [(picture.shape[1], picture.shape[0]) for picture in pictures]
    while True:
        for quality in QUALITIES:
            uris = [_uri(*each, quality) for each in zip(pictures, sizes, strict=True)]
            if sum(map(len, uris)) <= budget_bytes or max(map(max, sizes), default=1) == 1:
                return [
                    EmbeddedImage(uri, *size, factor=max(1, shown_pixels // size[0]))
                    for uri, size in zip(uris, sizes, strict=True)
                ]
        sizes = [(max(1, width // 2), max(1, height // 2)) for width, height in sizes]


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return a PNG file's pixels, uint8 [H, W, C].

    Raises:
        OSError: When it cannot be read or is no picture.
    """
    import numpy as np
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as image:
            mode = image.mode if image.mode in ("L", "RGB", "RGBA") else "RGB"
            pixels = np.asarray(image.convert(mode))
    except (Image.DecompressionBombError, SyntaxError, ValueError) as error:
        raise OSError(f"{path} is no picture: {error}") from error
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def unmagnified(picture: NDArray[np.uint8], tile: tuple[int, int], count: int) -> NDArray[np.uint8]:
    """Return a grid as `draw_grid` would have drawn it without magnifying, with gaps of one pixel.

    Nothing is lost, and the page grows by a fifth instead of all the repeated pixels. A picture
    that is no such grid is returned as it is.
    """
    import numpy as np

    height, width = tile
    columns = min(near_square(count, width / height), count)
    factor = magnification(height, width, columns)
    rows = -(-count // columns)
    down, across = height * factor + GAP, width * factor + GAP
    if picture.shape[:2] != (GAP + rows * down, GAP + columns * across):
        return picture
    tall = [_kept(row * down, height, factor) for row in range(rows)]
    wide = [_kept(column * across, width, factor) for column in range(columns)]
    places = np.ix_(np.concatenate([*tall, [-1]]), np.concatenate([*wide, [-1]]))
    kept: NDArray[np.uint8] = picture[places]
    return kept


def _kept(start: int, length: int, factor: int) -> NDArray[np.intp]:
    """Return the places of one pixel of a gap, and of the first of each `factor` of the image."""
    import numpy as np

    return np.append(start, start + GAP + factor * np.arange(length))


def _uri(picture: NDArray[np.uint8], size: tuple[int, int], quality: int) -> str:
    """Return a picture as WebP in a data URI."""
    from PIL.Image import Resampling

    image = to_image(picture)
    if image.size != size:
        image = image.resize(size, Resampling.BOX)
    written = io.BytesIO()
    image.save(written, format="WEBP", quality=quality, method=4, use_sharp_yuv=True)
    return f"data:image/webp;base64,{base64.b64encode(written.getvalue()).decode()}"
