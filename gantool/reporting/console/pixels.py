"""Images in a terminal: each character shows two pixels, one above the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style

from gantool.reporting.pictures.grids import to_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console, ConsoleOptions, RenderResult

UPPER, LOWER = "▀", "▄"
GAP = 1
"""Pixels between two images."""
LEAST_IMAGES = 8
"""Images that there should be room for, before they are shown any larger."""
LEAST_PIXELS = 10
"""Height below which a picture tells nothing."""
RICH_IN_COLOR = frozenset({"256", "truecolor"})


def shows_pixels(console: Console) -> bool:
    """Return whether a terminal has the colors and the characters for pictures."""
    rich = console.color_system in RICH_IN_COLOR and not console.no_color
    return rich and not console.legacy_windows and not console.options.ascii_only


@dataclass(frozen=True)
class Layout:
    """Rows and columns of images in a rectangle, and the pixels of each."""

    rows: int
    columns: int
    height: int
    width: int


def lay_out(images: tuple[int, int, int], width: int, height: int) -> Layout | None:
    """Return the largest images of which enough fit, never larger than they are.

    `images` is their number, and the pixels of one from top to bottom and across. None where not
    even one small image fits.
    """
    count, tall, wide = images
    best = None
    for rows in range(1, count + 1):
        down = min(tall, (height + GAP) // rows - GAP)
        if down < min(tall, LEAST_PIXELS):
            break
        across = max(1, round(down * wide / tall))
        columns = min((width + GAP) // (across + GAP), -(-count // rows))
        if columns == 0:
            continue
        best = Layout(rows, columns, down, across)
        if rows * columns >= min(count, LEAST_IMAGES):
            break
    return best


@dataclass(frozen=True)
class Thumbnails:
    """Images side by side, as a console can print them.

    They are uint8 [N, H, W, C] with 1, 3 or 4 channels; the layout has room for the first ones.
    """

    images: NDArray[np.uint8]
    layout: Layout

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw one line for two rows of pixels."""
        colors = self._colors(palette=console.color_system == "256")
        for upper, lower in zip(colors[::2], colors[1::2], strict=True):
            yield from map(_character, upper, lower)
            yield Segment.line()

    def _colors(self, *, palette: bool) -> list[list[str | None]]:
        """Return an even number of rows of pixels, by their colors' names; None is between them."""
        layout = self.layout
        down, across = layout.height + GAP, layout.width + GAP
        height, width = layout.rows * down - GAP, layout.columns * across - GAP
        colors: list[list[str | None]] = [[None] * width for _ in range(height + height % 2)]
        for index, image in enumerate(self.images[: layout.rows * layout.columns]):
            row, column = divmod(index, layout.columns)
            names = _names(_resized(image, layout.width, layout.height), palette=palette)
            for number, line in enumerate(names, row * down):
                colors[number][column * across : column * across + layout.width] = line
        return colors


def _resized(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Return an image [H, W, C] in color at another size, [height, width, 3]."""
    import numpy as np
    from PIL import Image

    picture = to_image(image)
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "black"), picture)
    picture = picture.convert("RGB").resize((width, height), Image.Resampling.BOX)
    return np.asarray(picture)


def _names(colors: NDArray[np.uint8], *, palette: bool) -> list[list[str]]:
    """Return what a terminal calls each color of [height, width, 3]."""
    if not palette:
        return [[f"#{r:02x}{g:02x}{b:02x}" for r, g, b in row] for row in colors.tolist()]
    import numpy as np

    known = np.array(_palette(), np.float32)  # [240, 3]
    pixels = colors.reshape(-1, 3).astype(np.float32)
    # |p - k|^2 without |p|^2, which is the same for every k
    nearest = ((known**2).sum(1) - 2 * pixels @ known.T).argmin(1)
    return [[f"color({16 + index})" for index in row] for row in nearest.reshape(colors.shape[:2])]


def _palette() -> list[tuple[int, int, int]]:
    """Return the colors 16 to 255 of a terminal that has 256: a cube, and grays."""
    levels = (0, 95, 135, 175, 215, 255)
    cube = [(r, g, b) for r in levels for g in levels for b in levels]
    return cube + [(gray, gray, gray) for gray in range(8, 239, 10)]


def _character(top: str | None, bottom: str | None) -> Segment:
    """Return two pixels as one character; None is a pixel that is not drawn."""
    if top is not None:
        return Segment(UPPER, Style(color=top, bgcolor=bottom))
    if bottom is not None:
        return Segment(LOWER, Style(color=bottom))
    return Segment(" ")
