"""Marguerite Papillon: leaves and seaweed cut from painted paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gantool_artworks.sample.canvas import finish, pick, vary
from gantool_artworks.sample.drawing import Drawing, Point

if TYPE_CHECKING:
    from PIL.Image import Image

PANELS = ("#1f5fa8", "#f2b632", "#e4572e", "#2f8f6b", "#f6efe0", "#d4588c", "#12355b", "#8fc1d4")
LEAVES = ("#f6efe0", "#12355b", "#e4572e", "#f2b632", "#2f8f6b", "#1b1b22", "#d4588c")


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Lay panels side by side and one cut shape on each."""
    columns, rows = layout(random, width, height)
    drawing = Drawing(width, height, vary(random, "#f6efe0", 0.01))
    offset = int(random.integers(len(PANELS)))
    size = (width / columns, height / rows)
    for place in range(columns * rows):
        row, column = divmod(place, columns)
        left, top = column * size[0], row * size[1]
        panel = PANELS[(offset + 3 * place + row) % len(PANELS)]
        drawing.rectangle(left, top, left + size[0], top + size[1], vary(random, panel, 0.02))
        inks = [ink for ink in LEAVES if ink != panel]
        ink = vary(random, pick(random, inks), 0.02)
        center = (left + size[0] / 2, top + size[1] / 2)
        drawing.polygon(frond(random, center, 0.46 * size[0], 0.46 * size[1]), ink)
    return finish(random, drawing.picture(), grain=0.014, relief=0.014)


def layout(random: np.random.Generator, width: int, height: int) -> tuple[int, int]:
    """Return columns and rows of panels that are neither too narrow nor too flat."""
    choices = [(1, 1), (2, 2), (2, 2)]
    choices += [(2, 1), (3, 2)] if width > height else [(1, 2), (2, 3)]
    return pick(random, choices)


def frond(random: np.random.Generator, center: Point, across: float, down: float) -> list[Point]:
    """Return the outline of a leaf with round lobes, growing at an angle from the center."""
    lobes, depth = int(random.integers(4, 8)), random.uniform(0.3, 0.5)
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    wave = np.abs(np.cos(lobes * angle / 2 + random.uniform(0, 6.3))) ** 0.7
    radius = (1 - depth) + depth * (2 * wave - 1)
    radius *= 1 + 0.12 * np.sin(angle + random.uniform(0, 6.3))
    radius /= radius.max()
    x, y = center[0] + across * radius * np.cos(angle), center[1] + down * radius * np.sin(angle)
    return [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
