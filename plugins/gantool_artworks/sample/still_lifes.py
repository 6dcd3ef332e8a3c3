"""Cornelis Peerboom: fruit and a vase on a table, in light from the left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gantool_artworks.sample.canvas import (
    Array,
    axes,
    color,
    edge,
    finish,
    gradient,
    mix,
    noise,
    pick,
    vary,
    window,
)

if TYPE_CHECKING:
    from PIL.Image import Image

WALLS = (  # in shade, in light
    ("#2b2019", "#6b5238"),
    ("#1d2423", "#4d5f57"),
    ("#3a1f1c", "#84553a"),
    ("#23242f", "#5f6478"),
)
TABLES = (
    ("#a0713d", "#5a3519"),
    ("#d8c9a8", "#8f7f62"),
    ("#7c2f25", "#3d1512"),
    ("#54633f", "#2a331f"),
)
FRUITS = (  # in light, in shade
    ("#c32f22", "#4a0d12"),
    ("#e39a2d", "#7a3d0c"),
    ("#b9bf3f", "#4c5a14"),
    ("#e7cf4a", "#8a6a12"),
    ("#7c2e58", "#290b25"),
    ("#d96f4a", "#6a1f1a"),
)
GLAZES = (
    ("#cfd8dc", "#3d5566"),
    ("#3f6f9c", "#10233f"),
    ("#c9814e", "#4c2413"),
    ("#e9e2d0", "#7d7460"),
)


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Set a vase behind a row of fruit."""
    side = min(width, height)
    top = random.uniform(0.58, 0.68) * height
    picture = room(random, width, height, top)
    vase(random, picture, top + 0.1 * height)
    count = int(random.integers(3, 6))
    for place in random.permutation(count):
        across = 0.1 + 0.8 * (float(place) + 0.5) / count + random.uniform(-0.05, 0.05)
        center = (across * width, top + random.uniform(0.06, 0.2) * height)
        fruit(random, picture, center, random.uniform(0.09, 0.14) * side)
    return finish(random, picture, grain=0.014, relief=0.02)


def room(random: np.random.Generator, width: int, height: int, top: float) -> Array:
    """Return a wall, lit from the left, and a table before it, [3, H, W]."""
    x, y = axes(width, height)
    dark, light = pick(random, WALLS)
    lit = np.exp(-(((x / width - 0.25) / 0.5) ** 2)) * np.exp(-(((y / height - 0.3) / 0.5) ** 2))
    cloudy = np.clip(lit + 0.16 * noise(random, width, height, 26), 0, 1)
    wall = gradient([vary(random, dark), vary(random, light)], cloudy)
    near, far = pick(random, TABLES)
    depth = (y - top) / (height - top) * 0.7 + 0.5 * x / width
    folds = np.clip(depth + 0.1 * noise(random, width, height, 20), 0, 1)
    return mix(wall, gradient([vary(random, near), vary(random, far)], folds), edge(y - top))


def vase(random: np.random.Generator, picture: Array, foot: float) -> None:
    """Set a vase or bottle whose outline is turned as on a potter's wheel."""
    height, width = picture.shape[1:]
    tall = random.uniform(0.38, 0.52) * height
    belly = random.uniform(0.1, 0.17) * min(width, height)
    center = (random.uniform(0.3, 0.7) * width, foot - tall / 2)
    shadow(picture, (center[0] + 0.8 * belly, foot), (1.6 * belly, 0.3 * belly))
    view, x, y = window(picture, center, tall / 2 + belly)
    up = np.clip(0.5 - y / tall, -0.2, 1.2)  # 0 at the foot, 1 at the rim
    half = belly * outline(random, up)
    across = x / np.maximum(half, 1)
    inside = edge(half - np.abs(x)) * edge(tall / 2 - np.abs(y))
    glaze, deep = pick(random, GLAZES)
    shade = np.clip(0.35 + 0.75 * across, 0, 1)
    view[:] = mix(view, gradient([vary(random, glaze), vary(random, deep)], shade), inside)
    shine = np.exp(-(((across + 0.45) / 0.13) ** 2) - ((up - 0.45) / 0.18) ** 2)
    view[:] = mix(view, color("#fffaf0"), 0.7 * shine * inside)


def outline(random: np.random.Generator, up: Array) -> Array:
    """Return half the width of a vase, 1 at its belly, at heights from 0 to 1."""
    heights = [0, random.uniform(0.25, 0.45), random.uniform(0.72, 0.8), 1]
    widths = [0.6, 1, random.uniform(0.24, 0.42), 0.45]
    part = np.interp(up, heights, range(4))  # which knot, and how far to the next one
    ease = np.floor(part) + (1 - np.cos(np.pi * (part % 1))) / 2
    return np.interp(ease, range(4), widths).astype(np.float32)


def fruit(
    random: np.random.Generator, picture: Array, center: tuple[float, float], radius: float
) -> None:
    """Set a fruit: a shaded ball, or a pear when it grows a neck."""
    place = (center[0] + 0.5 * radius, center[1] + 0.85 * radius)
    shadow(picture, place, (1.4 * radius, 0.32 * radius))
    view, x, y = window(picture, center, 2 * radius)
    across, down = x / radius, y / radius
    if random.random() < 0.35:
        across = across / np.clip(1 - 0.45 * np.clip(-down - 0.1, 0, 1.2), 0.4, 1)
        down = np.where(down < 0, down / 1.55, down)
    squared = across**2 + down**2
    facing = np.sqrt(np.clip(1 - squared, 0, 1))
    shade = np.clip(0.62 + 0.55 * across + 0.45 * down - 0.55 * facing, 0, 1)
    bright, deep = pick(random, FRUITS)
    skin = gradient([vary(random, bright), vary(random, deep)], shade)
    shine = np.exp(-((across + 0.38) ** 2 + (down + 0.4) ** 2) / 0.035)
    skin = mix(skin, color("#fff4dc"), 0.75 * shine)
    view[:] = mix(view, skin, edge((1 - np.sqrt(squared)) * radius, 1.5))


def shadow(picture: Array, center: tuple[float, float], radii: tuple[float, float]) -> None:
    """Darken an ellipse with a soft edge."""
    view, x, y = window(picture, center, 2 * max(radii))
    away = (x / radii[0]) ** 2 + (y / radii[1]) ** 2
    view[:] = mix(view, color("#0d0806"), 0.65 * np.exp(-1.5 * away))
