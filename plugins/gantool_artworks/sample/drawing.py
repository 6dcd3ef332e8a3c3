"""Sharp shapes, drawn larger with Pillow and reduced, so that their edges are smooth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from gantool_artworks.sample.canvas import Array

OVERSAMPLING = 2
Point = tuple[float, float]


class Drawing:
    """A picture made of shapes, in pixels of the finished picture.

    Args:
        width: Pixels across.
        height: Pixels down.
        ground: Color of the empty canvas, [3, 1, 1] in [0, 1].
    """

    def __init__(self, width: int, height: int, ground: Array) -> None:
        size = (width * OVERSAMPLING, height * OVERSAMPLING)
        self._image = Image.new("RGB", size, _ink(ground))
        self._pen = ImageDraw.Draw(self._image)

    def polygon(self, points: Iterable[Point], ink: Array) -> None:
        """Fill a polygon."""
        corners = [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in points]
        self._pen.polygon(corners, fill=_ink(ink))

    def rectangle(self, left: float, top: float, right: float, bottom: float, ink: Array) -> None:
        """Fill an upright rectangle; an empty one draws nothing."""
        if right > left and bottom > top:
            box = [round(v * OVERSAMPLING) for v in (left, top, right, bottom)]
            self._pen.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=_ink(ink))

    def ellipse(self, center: Point, radii: Point, ink: Array) -> None:
        """Fill an upright ellipse."""
        (x, y), (across, down) = center, radii
        box = [v * OVERSAMPLING for v in (x - across, y - down, x + across, y + down)]
        self._pen.ellipse(box, fill=_ink(ink))

    def picture(self) -> Array:
        """Return the finished picture, [3, H, W] in [0, 1]."""
        reduced = self._image.reduce(OVERSAMPLING)
        return np.asarray(reduced).transpose(2, 0, 1) / np.float32(255)


def turned(center: Point, size: Point, angle: float) -> list[Point]:
    """Return the corners of a rectangle turned around its center by an angle in radians."""
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    half = [(sx * size[0] / 2, sy * size[1] / 2) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return [(center[0] + x * cos - y * sin, center[1] + x * sin + y * cos) for x, y in half]


def _ink(ink: Array) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in np.clip(ink.ravel() * 255 + 0.5, 0, 255))
    return red, green, blue
