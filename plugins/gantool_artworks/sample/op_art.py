"""Lucia Ondalini: stripes and checks that seem to swell and turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gantool_artworks.sample.canvas import Array, axes, finish, mix, pick, vary

if TYPE_CHECKING:
    from PIL.Image import Image

PAIRS = (
    ("#f4f0e6", "#15151a"),
    ("#f4f0e6", "#15151a"),
    ("#f1e7d0", "#17275c"),
    ("#f3e3cf", "#b3202c"),
    ("#f2d35b", "#20202a"),
    ("#e9efe6", "#11504a"),
)


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Switch between two inks along a bent pattern."""
    x, y = axes(width, height)
    side = min(width, height)
    across, down = (x - width / 2) / side, (y - height / 2) / side
    pattern = pick(random, PATTERNS)(random, across, down)
    light, dark = pick(random, PAIRS)
    steepness = np.hypot(*np.gradient(pattern)) + 1e-3  # per pixel: makes an edge one pixel soft
    ink = np.clip(0.5 + pattern / steepness, 0, 1).astype(np.float32)
    picture = mix(vary(random, light, 0.012), vary(random, dark, 0.012), ink)
    return finish(random, picture, grain=0.012, relief=0.008)


def waves(random: np.random.Generator, x: Array, y: Array) -> Array:
    """Upright stripes that sway together."""
    cycles = random.uniform(4, 6.5)
    sway = random.uniform(0.08, 0.16) * np.sin(
        2 * np.pi * (random.uniform(0.8, 1.5) * y + random.random())
    )
    squeeze = 0.12 * np.sin(2 * np.pi * (random.uniform(0.5, 1.0) * x + random.random()))
    return np.asarray(np.sin(2 * np.pi * cycles * (x + sway + squeeze)), np.float32)


def rings(random: np.random.Generator, x: Array, y: Array) -> Array:
    """Rings around a center, those on one side closer together."""
    cycles, lean = random.uniform(4.5, 7), random.uniform(0.15, 0.4)
    angle = random.uniform(0, 2 * np.pi)
    toward = np.cos(angle) * x + np.sin(angle) * y
    phase = cycles * (np.hypot(x, y) - lean * toward) + random.random()
    return np.asarray(np.sin(2 * np.pi * phase), np.float32)


def checks(random: np.random.Generator, x: Array, y: Array) -> Array:
    """A checkerboard bulging as if a ball were behind it."""
    cycles, bulge = random.uniform(1.9, 3), random.uniform(0.35, 0.6)
    left, up = random.uniform(-0.15, 0.15, size=2)
    swell = 1 - bulge * np.exp(-7 * ((x - left) ** 2 + (y - up) ** 2))
    phase = 2 * np.pi * cycles
    columns, rows = np.sin(phase * (x - left) * swell), np.sin(phase * (y - up) * swell)
    return np.asarray(columns * rows, np.float32)


def rays(random: np.random.Generator, x: Array, y: Array) -> Array:
    """Rays from a center, twisted into a whirl."""
    count, twist = random.integers(7, 12), random.uniform(-5, 5)
    left, up = random.uniform(-0.12, 0.12, size=2)
    radius = np.hypot(x - left, y - up)
    turn = count * np.arctan2(y - up, x - left) + twist * radius
    return np.asarray(np.sin(turn) * np.minimum(radius, 0.2), np.float32)


PATTERNS = (waves, rings, checks, rays)
