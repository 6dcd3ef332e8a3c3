"""Petra Vierkant: grids of primary colors between black bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gantool_artworks.sample.canvas import color, finish, pick, vary
from gantool_artworks.sample.drawing import Drawing

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

PRIMARIES = ("#c8202b", "#1f4aa8", "#f2c418")
PLAINS = ("#f3eee1", "#ece7d8", "#f6f2e8", "#dcd8cc")


class Cell(NamedTuple):
    """An upright rectangle, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Square pixels."""
        return (self.right - self.left) * (self.bottom - self.top)


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Divide the canvas into cells and give the largest of them a primary color."""
    cells = divide(random, Cell(0, 0, width, height), 0.2 * min(width, height), 0)
    cells.sort(key=lambda cell: -cell.area * random.uniform(0.6, 1.4))
    colored = (0, 2, 3)[: random.integers(2, 4)]  # a large plain cell keeps the balance
    order = random.permutation(3)
    bar = random.uniform(0.018, 0.034) * min(width, height)
    drawing = Drawing(width, height, color("#15141a"))
    for place, cell in enumerate(cells):
        if place in colored:
            ink = vary(random, PRIMARIES[order[place % 3]], 0.02)
        else:
            ink = vary(random, pick(random, PLAINS), 0.01)
        drawing.rectangle(*inset(cell, bar / 2, width, height), ink)
    return finish(random, drawing.picture(), grain=0.02, relief=0.012)


def divide(random: np.random.Generator, cell: Cell, least: float, depth: int) -> list[Cell]:
    """Cut a cell again and again until its parts are small, or chance leaves it whole."""
    across, down = cell.right - cell.left, cell.bottom - cell.top
    if max(across, down) < 2 * least or (depth > 2 and random.random() < 0.35):
        return [cell]
    share = random.uniform(0.25, 0.75)
    if across * random.uniform(0.7, 1.4) > down:
        cut = cell.left + share * across
        parts = cell._replace(right=cut), cell._replace(left=cut)
    else:
        cut = cell.top + share * down
        parts = cell._replace(bottom=cut), cell._replace(top=cut)
    return [leaf for part in parts for leaf in divide(random, part, least, depth + 1)]


def inset(cell: Cell, half_bar: float, width: int, height: int) -> Cell:
    """Return the cell without the bars around it; the canvas itself has no frame."""
    return Cell(
        cell.left + half_bar * (cell.left > 0),
        cell.top + half_bar * (cell.top > 0),
        cell.right - half_bar * (cell.right < width),
        cell.bottom - half_bar * (cell.bottom < height),
    )
