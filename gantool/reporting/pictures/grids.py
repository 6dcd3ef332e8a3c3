"""Grids: many images in one picture, drawn at once or row by row."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gantool.files.disk import make_folder, written_aside
from gantool.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

GAP = 2
"""Pixels between two images and around all of them."""
BACKGROUND = {1: (32,), 3: (32, 32, 32), 4: (0, 0, 0, 0)}
"""What shows in the gaps, by the number of channels: dark gray, or nothing."""
GRID_WIDTH = 1024
LARGEST_TILE = 256
"""Pixels up to which small images are magnified."""
LARGEST, SMALLEST = 20, 9
"""Pixels of the letters of names."""
WIDEST = 320
"""Pixels that a name may take; what is longer is cut."""
MARGIN = 10
INK: dict[int, int | tuple[int, ...]] = {1: 230, 3: (230, 230, 230), 4: (128, 128, 128, 255)}
"""Of names, by the number of channels: light on dark gray; gray where nothing is behind."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOR_TYPES = {1: 0, 3: 2, 4: 6}
"""Of a PNG's header (third edition, section 11.2.1), by channels."""
UP = 2
"""The filter of PNG that keeps differences to the row above (section 9.2)."""


def save_grid(images: NDArray[np.uint8], path: Path, columns: int | None = None) -> None:
    """Write images as one PNG, row by row, magnified by a whole factor where they are small.

    They are uint8 [N, H, W, C] with 1, 3 or 4 channels; by default the picture is nearly square.
    The file is written aside and renamed, so that nobody sees half of it; its folder is made if it
    is missing.
    """
    save_png(to_image(draw_grid(images, columns)), path)


def save_png(picture: Image, path: Path, *, durably: bool = True) -> None:
    """Write one picture, aside first; its folder is made if it is missing."""
    make_folder(path.parent)
    with written_aside(path, durably=durably) as aside:
        picture.save(aside, format="PNG")


def stream_grid(
    chunks: Iterable[NDArray[np.uint8]],
    count: int,
    path: Path,
    columns: int | None = None,
    names: Sequence[str] = (),
) -> None:
    """Write the picture that `save_grid` writes, row by row, while its images are made.

    The chunks are some of `count` images each, uint8 [n, H, W, C]; names stand to the left of rows.
    """
    import numpy as np

    make_folder(path.parent)
    with written_aside(path) as aside, aside.open("wb") as file:
        writer = margins = None
        for images, across in _in_rows(chunks, count, columns):
            row = _row(images, across)
            if names:
                margins = margins or _margins(names, len(row), row.shape[2])
                row = np.concatenate([next(margins), row], axis=1)
            if writer is None:
                height = math.ceil(count / across) * len(row) + GAP
                writer = _PngWriter(file, height, *row.shape[1:])
            writer.add(row)
        if writer is not None:
            writer.add(row[:GAP])
            writer.finish()


def draw_grid(images: NDArray[np.uint8], columns: int | None = None) -> NDArray[np.uint8]:
    """Return the picture that `save_grid` writes, uint8 [height, width, C]."""
    import numpy as np

    _check(images, columns)
    rows = [_row(part, across) for part, across in _in_rows([images], len(images), columns)]
    return np.concatenate([*rows, rows[0][:GAP]])


def to_image(pixels: NDArray[np.uint8]) -> Image:
    """Return a picture of Pillow's, from uint8 [H, W, C] with 1, 3 or 4 channels."""
    from PIL import Image

    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def magnified(images: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Return images [..., H, W, C] with each pixel as a square of `factor` times `factor`."""
    return images.repeat(factor, axis=-3).repeat(factor, axis=-2)


def near_square(count: int, aspect: float = 1.0) -> int:
    """Return how many of `count` images, of that width divided by height, to put in a row.

    A rectangle without empty places is preferred if one side is at most twice the other.
    """
    nearest = min(count, math.ceil(math.sqrt(count / aspect)))
    full = (columns for columns in range(nearest, count + 1) if count % columns == 0)
    return next((c for c in full if c * aspect <= 2 * (count // c)), nearest)


def magnification(height: int, width: int, columns: int) -> int:
    """Return the largest whole factor that keeps the grid, and each image, of a handy size."""
    by_grid = GRID_WIDTH // (columns * width)
    by_tile = LARGEST_TILE // max(height, width)
    return max(1, min(by_grid, by_tile))


def _in_rows(
    chunks: Iterable[NDArray[np.uint8]], count: int, columns: int | None
) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Yield the images of each row of a grid, and how many it has room for."""
    import numpy as np

    waiting: NDArray[np.uint8] | None = None
    for chunk in chunks:
        _check(chunk, columns)
        waiting = chunk if waiting is None else np.concatenate([waiting, chunk])
        height, width = chunk.shape[1:3]
        across = min(near_square(count, width / height) if columns is None else columns, count)
        while len(waiting) >= across:
            yield waiting[:across], across
            waiting = waiting[across:]
    if waiting is not None and len(waiting):
        yield waiting, across


def _row(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Return one row of a grid, with the gaps above and beside its images."""
    import numpy as np

    factor = magnification(images.shape[1], images.shape[2], columns)
    tiles = magnified(images, factor)
    _, height, width, channels = tiles.shape
    across = width + GAP
    shape = (GAP + height, GAP + columns * across, channels)
    row = np.full(shape, BACKGROUND[channels], dtype=np.uint8)
    for index, tile in enumerate(tiles):
        left = GAP + index * across
        row[GAP:, left : left + width] = tile
    return row


def _check(images: NDArray[np.uint8], columns: int | None) -> None:
    expected = "expected uint8 [N, H, W, C] with 1, 3 or 4 channels and none of them 0"
    if images.ndim != 4 or images.shape[-1] not in BACKGROUND or 0 in images.shape:
        raise ValueError(f"{expected}, got the shape {list(images.shape)}")
    if images.dtype != "uint8":
        raise ValueError(f"{expected}, got {images.dtype}")
    if columns is not None and columns < 1:
        raise ValueError(f"expected at least 1 image in a row, got {columns}")


def _margins(names: Sequence[str], height: int, channels: int) -> Iterator[NDArray[np.uint8]]:
    """Yield what stands to the left of each row of a grid: a name, [height, width, channels]."""
    import numpy as np
    from PIL import ImageDraw

    font = _font(height)
    names = [_cut(visible(name), font) for name in names]
    width = round(max(map(font.getlength, names))) + 2 * MARGIN
    ground = np.full((height, width, channels), BACKGROUND[channels], dtype=np.uint8)
    for name in names:
        image, place = to_image(ground), (width - MARGIN, height // 2)
        ImageDraw.Draw(image).text(place, name, fill=INK[channels], font=font, anchor="rm")
        yield np.asarray(image).reshape(ground.shape)


def _font(height: float) -> FreeTypeFont:
    """Return a font that fits into a row; matplotlib's knows more scripts than Pillow's."""
    import matplotlib as mpl
    from PIL import ImageFont

    file = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(file, max(SMALLEST, min(LARGEST, int(height / 2))))


def _cut(name: str, font: FreeTypeFont) -> str:
    if font.getlength(name) <= WIDEST:
        return name
    kept = next(n for n in range(len(name), -1, -1) if font.getlength(name[:n] + "…") <= WIDEST)
    return name[:kept] + "…"


class _PngWriter:
    """A PNG file in the making, row by row: a picture of any height needs no memory."""

    def __init__(self, file: IO[bytes], height: int, width: int, channels: int) -> None:
        import numpy as np

        self._file = file
        self._packer = zlib.compressobj()
        self._above = np.zeros((1, width * channels), np.uint8)
        file.write(SIGNATURE)
        header = struct.pack(">IIBBBBB", width, height, 8, COLOR_TYPES[channels], 0, 0, 0)
        self._chunk(b"IHDR", header)

    def add(self, rows: NDArray[np.uint8]) -> None:
        """Write some more rows, uint8 [h, width, channels]."""
        import numpy as np

        flat = rows.reshape(len(rows), -1)
        filtered = flat - np.concatenate([self._above, flat[:-1]])  # modulo 256
        lines = np.insert(filtered, 0, UP, axis=1)  # [h, 1 + width * channels]
        self._above = flat[-1:].copy()
        self._chunk(b"IDAT", self._packer.compress(lines.tobytes()))

    def finish(self) -> None:
        """Write the end, once all rows were added."""
        self._chunk(b"IDAT", self._packer.flush())
        self._chunk(b"IEND", b"")

    def _chunk(self, kind: bytes, body: bytes) -> None:
        if kind == b"IDAT" and not body:
            return  # the packer still waits for more
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        self._file.write(struct.pack(">I", len(body)) + kind + body + checksum)
