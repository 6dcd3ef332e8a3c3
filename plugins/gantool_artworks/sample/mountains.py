"""Yukio Seigaiha: printed ranges of mountains in mist, with a disk of a sun."""

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
    pick,
    vary,
)

if TYPE_CHECKING:
    from PIL.Image import Image

SCHEMES = (  # sky above, sky below, far range, near range, sun
    ("#1f4e79", "#f3d9b1", "#9fb4c2", "#12304d", "#d9402b"),
    ("#c9483a", "#f6e0b5", "#c08a86", "#3a1f33", "#f7efd8"),
    ("#3e6f72", "#f0e9cf", "#a9c2b4", "#173a3f", "#e0672f"),
    ("#44406f", "#f4c9b8", "#a794b8", "#231f45", "#f2e3b3"),
    ("#d99a3d", "#f8ecca", "#c9b08a", "#4a3524", "#c23a22"),
)


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Set ranges before one another, each paler at its foot, under a graded sky."""
    above, below, far, near, disk = pick(random, SCHEMES)
    x, y = axes(width, height)
    mist = vary(random, below, 0.015)
    picture = gradient([vary(random, above, 0.02), mist, mist], np.clip(y / height * 1.4, 0, 1))
    radius = random.uniform(0.09, 0.17) * min(width, height)
    away = np.hypot(x - random.uniform(0.2, 0.8) * width, y - random.uniform(0.18, 0.38) * height)
    picture = mix(picture, vary(random, disk, 0.015), edge(radius - away))
    count = int(random.integers(3, 6))
    peak = random.random() < 0.5
    for number in range(count):
        share = number / (count - 1)
        foot = (0.5 + 0.42 * share) * height
        cone = peak and number == 0
        ridge = summit(random, x, foot) if cone else rolling(random, x, foot, 0.14 * height)
        ink = mix(vary(random, far, 0.015), vary(random, near, 0.015), share)
        depth = np.clip((y - ridge) / (0.3 * height), 0, 1)
        layer = mix(ink, mist, 0.85 * depth * (1 - 0.6 * share))
        if cone:
            layer = mix(layer, color("#fbf6ea"), edge(snow(x, ridge) - y, 2))
        picture = mix(picture, layer, edge(y - ridge))
    return finish(random, picture, grain=0.012, relief=0.01)


def rolling(random: np.random.Generator, x: Array, foot: float, tall: float) -> Array:
    """Return a range [1, W] of a few smooth waves, in pixels from the top."""
    ridge = np.zeros_like(x)
    for octave in (1, 2, 4):
        phase = random.uniform(0, 6.3)
        ridge += np.sin(octave * random.uniform(0.8, 1.3) * 6.3 * x / x.shape[1] + phase) / octave
    return (foot - tall * 0.6 * ridge).astype(np.float32)


def summit(random: np.random.Generator, x: Array, foot: float) -> Array:
    """Return one tall cone [1, W] with flaring slopes."""
    width = x.shape[1]
    away = np.abs(x - random.uniform(0.3, 0.7) * width) / width
    rise = np.exp(-np.maximum(away - 0.035, 0) * 4.2)
    return np.asarray(foot - 0.68 * foot * rise, np.float32)


def snow(x: Array, ridge: Array) -> Array:
    """Return the lower edge [1, W] of the snow on a cone."""
    line = ridge.min() + 0.3 * (ridge.max() - ridge.min())
    return np.asarray(line + 7 * np.abs((x / 13) % 2 - 1), np.float32)
