"""Names beside the rows of a grid: a picture of classes says which they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gantool.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.ImageFont import FreeTypeFont

LARGEST, SMALLEST = 20, 9
"""Pixels of the letters."""
WIDEST = 320
"""Pixels that a name may take; what is longer is cut."""
MARGIN = 10
INK: dict[int, int | tuple[int, ...]] = {1: 230, 3: (230, 230, 230), 4: (128, 128, 128, 255)}
"""Of the letters, by the number of channels: light on dark gray; gray where nothing is behind."""


class RowNames:
    """Names to the left of the rows of a grid.

    Args:
        names: One for each row.
        height: Pixels of a row.
        ground: What is behind the names, for each channel.
    """

    def __init__(self, names: Sequence[str], height: int, ground: tuple[int, ...]) -> None:
        self._font = _font(height)
        self._ground = ground
        self._names = [_cut(visible(name), self._font) for name in names]
        self._width = round(max(map(self._font.getlength, self._names))) + 2 * MARGIN

    def beside(self, number: int, row: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a row, uint8 [height, width, C] with 1, 3 or 4 channels, after its name."""
        import numpy as np
        from PIL import Image, ImageDraw

        height, _, channels = row.shape
        margin = np.full((height, self._width, channels), self._ground, dtype=np.uint8)
        image = Image.fromarray(margin[:, :, 0] if channels == 1 else margin)
        place = (self._width - MARGIN, height // 2)
        ink, font = INK[channels], self._font
        ImageDraw.Draw(image).text(place, self._names[number], fill=ink, font=font, anchor="rm")
        return np.concatenate([np.asarray(image).reshape(margin.shape), row], axis=1)


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
