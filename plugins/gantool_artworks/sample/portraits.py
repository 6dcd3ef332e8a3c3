"""Livia Dorata: half-length portraits in robes of ornament before gold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gantool_artworks.sample.canvas import Array, color, finish, mix, pick, vary
from gantool_artworks.sample.drawing import Drawing, Point

if TYPE_CHECKING:
    from PIL.Image import Image

GOLDS = ("#c99a2e", "#b8862b", "#d9b04a", "#a8742a")
ROBES = ("#7b1e3a", "#1f3f6e", "#2e5d4b", "#d8862c", "#3a2a5c", "#e6dcc4")
HAIR = ("#2a1712", "#5a2e18", "#8f4a1e", "#1a1618", "#c28f45")
SKIN = ("#f0cfae", "#e2b48c", "#c68d63", "#8f5b3c", "#f4dcc6")
JEWELS = ("#f2d98a", "#1c1b22", "#b3342e", "#f6efe0", "#2f6f8f", "#5a8a4a")


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Paint the ground, the hair, the robe, then the face."""
    side = min(width, height)
    drawing = Drawing(width, height, vary(random, pick(random, GOLDS), 0.03))
    gold_leaf(random, drawing, (width, height))
    center = (width * random.uniform(0.42, 0.58), height * random.uniform(0.3, 0.36))
    radius = side * random.uniform(0.125, 0.155)
    hair = vary(random, pick(random, HAIR), 0.02)
    drawing.ellipse((center[0], center[1] + 0.1 * radius), (1.5 * radius, 1.6 * radius), hair)
    robe(random, drawing, center, radius, height)
    face(random, drawing, center, radius, hair)
    return finish(random, drawing.picture(), grain=0.016, relief=0.018)


def gold_leaf(random: np.random.Generator, drawing: Drawing, canvas: tuple[int, int]) -> None:
    """Scatter squares and disks in several golds."""
    for _ in range(60):
        x, y = random.random() * canvas[0], random.random() * canvas[1]
        reach = min(canvas) * random.uniform(0.025, 0.08)
        ink = vary(random, pick(random, GOLDS), 0.05)
        if random.random() < 0.5:
            drawing.ellipse((x, y), (reach, reach), ink)
        else:
            drawing.rectangle(x - reach, y - reach, x + reach, y + reach, ink)


def robe(
    random: np.random.Generator, drawing: Drawing, center: Point, radius: float, height: int
) -> None:
    """Cover the shoulders with a bell-shaped robe, and set jewels into it."""
    x, shoulder = center[0], center[1] + 1.9 * radius
    spread = random.uniform(1.9, 2.7)

    def edge(along: float) -> tuple[float, float]:
        """Return half the robe's width and the height there, from shoulder (0) to hem (1)."""
        return radius * (0.7 + spread * along**0.5), shoulder + (height - shoulder) * along**1.3

    outline = [edge(step / 23) for step in range(24)]
    left = [(x - half, y) for half, y in outline]
    right = [(x + half, y) for half, y in reversed(outline)]
    drawing.polygon(left + right, vary(random, pick(random, ROBES), 0.025))
    for _ in range(random.integers(16, 34)):
        half, y = edge(random.uniform(0.12, 0.95))
        place = (x + random.uniform(-0.85, 0.85) * half, y)
        size = random.uniform(0.1, 0.22) * radius
        drawing.ellipse(place, (size, size), vary(random, pick(random, JEWELS), 0.02))
        drawing.ellipse(place, (size / 2, size / 2), vary(random, pick(random, JEWELS), 0.02))


def face(
    random: np.random.Generator, drawing: Drawing, center: Point, radius: float, hair: Array
) -> None:
    """Draw neck, face, fringe, cheeks, eyes, nose and mouth."""

    def oval(across: float, down: float, wide: float, tall: float, ink: Array) -> None:
        """Fill an ellipse that is placed and measured in radii of the head."""
        place = (center[0] + across * radius, center[1] + down * radius)
        drawing.ellipse(place, (wide * radius, tall * radius), ink)

    code = pick(random, SKIN)
    skin, shade = vary(random, code, 0.015), vary(random, code, 0.01) * np.float32(0.84)
    oval(0, 1.4, 0.4, 0.9, shade)
    oval(0, 2.05, 0.75, 0.35, shade)
    oval(0, 0.12, 0.86, 1.18, skin)
    oval(0, -0.85, 0.92, 0.42, hair)
    eye, blush = vary(random, "#2a1a18", 0.02), mix(skin, color("#e5664c"), 0.4)
    for side in (-1, 1):
        oval(0.48 * side, 0.5, 0.18, 0.14, blush)
        oval(0.36 * side, 0.05, 0.17, 0.085, eye)
    oval(0, 0.36, 0.09, 0.13, shade)
    oval(0, 0.76, 0.26, 0.1, vary(random, "#a5302e", 0.02))
