"""Konstanta Ploskov: tilted planes and bars afloat on a pale ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gantool_artworks.sample.canvas import finish, pick, vary
from gantool_artworks.sample.drawing import Drawing, turned

if TYPE_CHECKING:
    from PIL.Image import Image

GROUNDS = ("#efe8d8", "#e9e4da", "#f3eee4", "#e6d9bd")
LEADING = ("#16151a", "#b8261f", "#1e2f6b", "#16151a")
SECONDARY = ("#16151a", "#b8261f", "#d9982b", "#1f4d8c", "#3f6b52", "#8b8a86", "#d9c7a0")


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Order planes along one axis: a large one first, then smaller ones and thin bars."""
    side = min(width, height)
    drawing = Drawing(width, height, vary(random, pick(random, GROUNDS), 0.012))
    angle = random.uniform(-0.9, 0.9)
    lead_plane(random, drawing, (width, height), angle)
    for _ in range(random.integers(4, 8)):
        along, aside = random.uniform(-0.42, 0.42) * np.hypot(width, height), random.normal()
        center = along_axis((width, height), angle, along, 0.18 * side * aside)
        long = random.uniform(0.12, 0.42) * side
        size = (long, long * random.uniform(0.15, 0.7))
        tilt = angle + (np.pi / 2 if random.random() < 0.4 else 0) + random.normal() * 0.06
        drawing.polygon(turned(center, size, tilt), vary(random, pick(random, SECONDARY)))
    for _ in range(random.integers(1, 4)):
        center = along_axis((width, height), angle, 0, random.uniform(-0.4, 0.4) * side)
        bar = (random.uniform(0.5, 1.0) * side, random.uniform(0.014, 0.03) * side)
        drawing.polygon(turned(center, bar, angle), vary(random, "#1b1a1f"))
    if random.random() < 0.6:
        disk(random, drawing, (width, height))
    return finish(random, drawing.picture(), grain=0.018, relief=0.014)


def lead_plane(
    random: np.random.Generator, drawing: Drawing, canvas: tuple[int, int], angle: float
) -> None:
    """Draw the plane that the others answer to."""
    side = min(canvas)
    center = along_axis(canvas, angle, random.uniform(-0.15, 0.1) * side, 0)
    size = (random.uniform(0.46, 0.7) * side, random.uniform(0.28, 0.5) * side)
    drawing.polygon(turned(center, size, angle), vary(random, pick(random, LEADING)))


def disk(random: np.random.Generator, drawing: Drawing, canvas: tuple[int, int]) -> None:
    """Draw a disk in one of the corners."""
    width, height = canvas
    center = (
        (0.2 if random.random() < 0.5 else 0.8) * width + random.normal() * 0.04 * width,
        (0.2 if random.random() < 0.5 else 0.8) * height + random.normal() * 0.04 * height,
    )
    radius = random.uniform(0.07, 0.15) * min(canvas)
    drawing.ellipse(center, (radius, radius), vary(random, pick(random, SECONDARY)))


def along_axis(
    canvas: tuple[int, int], angle: float, along: float, aside: float
) -> tuple[float, float]:
    """Return a point given by its distance along and beside the axis through the middle."""
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    return (
        canvas[0] / 2 + along * cos - aside * sin,
        canvas[1] / 2 + along * sin + aside * cos,
    )
