"""Bruno Tessera: light broken into facets, as through colored glass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gantool_artworks.sample.canvas import Array, color, finish, gradient, pick
from gantool_artworks.sample.drawing import Drawing, Point

if TYPE_CHECKING:
    from PIL.Image import Image

LIGHTS = (  # from the center of the light outward
    ("#fff1c0", "#f2a63a", "#c5402f", "#4a1b3f", "#1a1230"),
    ("#f4f7e6", "#8fd0c4", "#2f7fa3", "#1f3a78", "#120f33"),
    ("#fdf0e0", "#f0a3a0", "#b2507f", "#5b3a8a", "#1b1a44"),
    ("#fbf6cf", "#c7d36a", "#5b9a4f", "#1f5c55", "#0d2330"),
    ("#fff6e0", "#e8c98f", "#b08d66", "#5f5a5a", "#22222a"),
)


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Cut the canvas along straight lines and light each piece by its distance from a center."""
    stops = [color(code) for code in pick(random, LIGHTS)]
    light = (random.uniform(0.25, 0.75) * width, random.uniform(0.2, 0.6) * height)
    pieces: list[list[Point]] = [[(0, 0), (width, 0), (width, height), (0, height)]]
    for _ in range(random.integers(9, 15)):
        pieces = cut(pieces, chord(random, light, width, height))
    drawing = Drawing(width, height, stops[-1])
    reach = 0.62 * float(np.hypot(width, height))
    for piece in pieces:
        middle = np.mean(piece, axis=0)
        away = np.hypot(middle[0] - light[0], middle[1] - light[1]) / reach
        position = np.clip(away + 0.09 * random.normal(), 0, 1)
        drawing.polygon(
            piece, gradient(stops, np.full((1, 1), position)) + np.float32(0.03 * random.normal())
        )
    return finish(random, drawing.picture(), grain=0.014, relief=0.025)


def chord(
    random: np.random.Generator, light: Point, width: int, height: int
) -> tuple[Array, float]:
    """Return a straight line as its normal and offset; many of them pass near the light."""
    angle = random.uniform(0, np.pi)
    normal = np.array([np.cos(angle), np.sin(angle)], np.float32)
    near = np.array(light) + random.normal(size=2) * 0.22 * min(width, height)
    return normal, float(normal @ near)


def cut(pieces: list[list[Point]], line: tuple[Array, float]) -> list[list[Point]]:
    """Cut every convex piece that the line crosses in two."""
    halves = (side(piece, line, sign) for piece in pieces for sign in (1, -1))
    return [half for half in halves if len(half) > 2]


def side(piece: list[Point], line: tuple[Array, float], sign: int) -> list[Point]:
    """Return the part of a convex polygon on one side of a line (Sutherland & Hodgman 1974)."""
    (a, b), offset = line
    distances = [sign * (float(a) * x + float(b) * y - offset) for x, y in piece]
    kept: list[Point] = []
    for at, (here, there) in enumerate(zip(piece, piece[1:] + piece[:1], strict=True)):
        first, second = distances[at], distances[(at + 1) % len(piece)]
        if first >= 0:
            kept.append(here)
        if first * second < 0:
            share = first / (first - second)
            kept.append(
                (here[0] + share * (there[0] - here[0]), here[1] + share * (there[1] - here[1]))
            )
    return kept
