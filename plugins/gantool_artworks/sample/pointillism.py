"""Celestin Pointel: landscapes built of dots of pure color."""

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
    window,
)

if TYPE_CHECKING:
    from PIL.Image import Image

SKIES = (  # from the top down to the horizon
    ("#3f78b8", "#9cc4dd", "#f3e3b5"),
    ("#5a5fa6", "#d38fa5", "#f8c98c"),
    ("#2f6aa0", "#7fb4c9", "#dfe9d2"),
    ("#7a8fc0", "#e8b7b0", "#fbe2a5"),
)
MEADOWS = (("#5d8a3a", "#c2b84a"), ("#3f7a4d", "#93b356"), ("#a88f3c", "#dcc05c"))
DEEP_WATER = "#2c5f93"


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Cover a landscape with two layers of dots."""
    scene = landscape(random, width, height)
    picture = dotted(random, 0.8 * scene + 0.06, scene)
    picture = dotted(random, picture, scene)
    return finish(random, picture, grain=0.012, relief=0.012)


def landscape(random: np.random.Generator, width: int, height: int) -> Array:
    """Return a sky with a sun, hills, and a meadow with trees or a lake with boats, [3, H, W]."""
    x, y = axes(width, height)
    horizon = random.uniform(0.42, 0.62) * height
    sky = [vary(random, code, 0.02) for code in pick(random, SKIES)]
    picture = gradient(sky, np.clip(y / horizon, 0, 1))  # [3, H, 1]
    sun_x, sun_y = random.uniform(0.15, 0.85) * width, random.uniform(0.3, 0.85) * horizon
    away = np.hypot(x - sun_x, y - sun_y) / min(width, height)
    picture = mix(picture, color("#fff2c4"), np.exp(-((away / 0.13) ** 2)))
    picture = hills(random, picture, horizon)
    depth = np.clip((y - horizon) / (height - horizon), 0, 1)
    if random.random() < 0.65:
        low, high = pick(random, MEADOWS)
        land = gradient([vary(random, high), vary(random, low)], depth)
        picture = mix(picture, land, edge(y - horizon))
        return trees(random, picture, horizon)
    lake = gradient([sky[-1], sky[1], vary(random, DEEP_WATER)], depth)
    glitter = np.exp(-(((x - sun_x) / (0.07 * width)) ** 2)) * (1 - depth)
    lake = mix(lake, color("#fff2c4"), 0.8 * glitter)
    return boats(random, mix(picture, lake, edge(y - horizon)), horizon)


def hills(random: np.random.Generator, picture: Array, horizon: float) -> Array:
    """Set two ranges of hills before the sky, the nearer one darker."""
    height, width = picture.shape[1:]
    x, y = axes(width, height)
    for share, code in ((0.2, "#8da3c2"), (0.1, "#55779a")):
        phase, waves = random.uniform(0, 6.3), random.uniform(1.0, 2.4)
        ridge = horizon - share * height * (0.6 + 0.4 * np.sin(waves * x / width * 6.3 + phase))
        picture = mix(picture, vary(random, code), edge(y - ridge))
    return picture


def trees(random: np.random.Generator, picture: Array, horizon: float) -> Array:
    """Set a few round or slender trees, with their shadows, on the ground."""
    height, width = picture.shape[1:]
    slender = random.random() < 0.5
    for _ in range(random.integers(1, 5)):
        tall = random.uniform(0.22, 0.44) * height
        wide = tall * (random.uniform(0.1, 0.14) if slender else random.uniform(0.3, 0.45))
        foot = horizon + random.uniform(0.02, 0.28) * (height - horizon)
        center = (random.uniform(0.06, 0.94) * width, foot - tall / 2)
        view, x, y = window(picture, center, 3 * wide + tall / 2)
        shadow = 1 - ((x - wide) / (2 * wide)) ** 2 - ((y - tall / 2) / (0.1 * tall)) ** 2
        view[:] = mix(view, color("#3a4a78"), 0.6 * edge(shadow, 0.5))
        crown = 1 - (x / wide) ** 2 - (y / (tall / 2)) ** 2
        light = np.clip(0.45 - 0.5 * x / wide, 0, 1)
        leaves = gradient([vary(random, "#1f4a38"), vary(random, "#8fae4a")], light)
        view[:] = mix(view, leaves, edge(crown, 0.2))
    return picture


def boats(random: np.random.Generator, picture: Array, horizon: float) -> Array:
    """Set one to three sails on the lake."""
    height, width = picture.shape[1:]
    for _ in range(random.integers(1, 4)):
        tall = random.uniform(0.14, 0.3) * height
        foot = horizon + random.uniform(0.08, 0.4) * (height - horizon)
        view, x, y = window(picture, (random.uniform(0.1, 0.9) * width, foot), 1.1 * tall)
        up = -y / tall  # 0 at the hull, 1 at the top of the mast
        sail = edge(0.42 * tall * (1 - up) - np.abs(x - 0.08 * tall)) * edge(-y)
        hull = edge(0.45 * tall - np.abs(x) - 0.5 * y) * edge(y) * edge(0.13 * tall - y)
        view[:] = mix(view, vary(random, "#f8efe0"), sail)
        view[:] = mix(view, vary(random, "#6b2f2a"), hull)
    return picture


def dotted(random: np.random.Generator, under: Array, scene: Array) -> Array:
    """Lay one dot into each cell of a shifted grid, in the scene's color there, made purer."""
    height, width = scene.shape[1:]
    cell = random.uniform(5.5, 6.5)
    x, y = axes(width, height)
    y = y / cell + random.random()  # in cells
    row = y.astype(np.int32)
    x = x / cell + random.random() + np.float32(0.5) * (row % 2)  # rows laid like bricks
    column = x.astype(np.int32)
    shape = (int(row.max()) + 1, int(column.max()) + 1)
    from_x, from_y = random.uniform(0.4, 0.6, (2, *shape)).astype(np.float32)
    at_x = np.clip(np.arange(shape[1]) * cell, 0, width - 1).astype(np.intp)
    at_y = np.clip(np.arange(shape[0]) * cell, 0, height - 1).astype(np.intp)
    dots = scene[:, at_y[:, None], at_x]  # [3, rows, columns]
    dots = dots + 0.3 * (dots - dots.mean(0))
    dots = np.clip(dots + random.normal(0, 0.055, dots.shape), 0, 1)
    cells = row * shape[1] + column  # [H, W]
    away = np.hypot(x - column - from_x.take(cells), y - row - from_y.take(cells))
    inks = dots.astype(np.float32).reshape(3, -1).take(cells, axis=1)  # [3, H, W]
    return mix(under, inks, edge(0.44 - away, 0.22))
