"""Veit Holzstich: scenes cut into wood, their light and shade in hatching."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gantool_artworks.sample.canvas import Array, axes, color, edge, finish, mix, noise, pick, vary

if TYPE_CHECKING:
    from PIL.Image import Image

INKS = ("#17140f", "#1b1a22", "#2a1a12")
PAPERS = ("#efe4cb", "#e8dcc0", "#f2eadb")
SUN_RED = "#c23b22"


class Block(NamedTuple):
    """What is cut into the wood."""

    tone: Array
    """[H, W], 0 all ink and 1 all paper."""
    slant: Array
    """[H, W], direction of the lines in radians."""
    sun: Array
    """[H, W], 1 on the sun and 0 elsewhere."""


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Print a scene whose tones are lines that swell and thin; a third of the prints are gray."""
    block = scene(random, width, height)
    x, y = axes(width, height)
    wobble = 1.8 * noise(random, width, height, 34)
    across = x * np.sin(block.slant) + y * np.cos(block.slant) + wobble
    ridge = 0.5 + 0.5 * np.sin(2 * np.pi * across / random.uniform(5.5, 7))
    inked = edge(0.06 + 0.88 * ridge - block.tone, 0.3)
    paper = vary(random, pick(random, PAPERS), 0.015)
    gray = random.random() < 0.35
    picture = paper if gray else mix(paper, vary(random, SUN_RED), block.sun)
    picture = mix(picture, color(pick(random, INKS)), inked)
    image = finish(random, picture, grain=0.02, relief=0.01)
    return image.convert("L") if gray else image


def scene(random: np.random.Generator, width: int, height: int) -> Block:
    """Return a sun over two ranges of mountains and a plain with firs."""
    x, y = axes(width, height)
    side = min(width, height)
    horizon = random.uniform(0.5, 0.68) * height
    sun = (random.uniform(0.25, 0.75) * width, random.uniform(0.16, 0.34) * height)
    away = np.hypot(x - sun[0], y - sun[1]) / side
    radius = random.uniform(0.09, 0.15)
    tone = np.clip(0.95 - 1.2 * away, 0.12, 0.8)
    tone = np.where(away < radius, np.float32(1), tone)
    slant = np.zeros_like(tone)
    for share, shade in ((0.34, 0.5), (0.18, 0.16)):
        ridge = peaks(random, x, horizon, share * height)
        lit = shade + 0.5 * np.clip((y - ridge) / (0.4 * height), 0, 1)
        tone, slant = np.where(y > ridge, lit, tone), np.where(y > ridge, 0.9, slant)
    furrows = 0.35 + 0.6 * (y - horizon) / (height - horizon)
    tone, slant = np.where(y > horizon, furrows, tone), np.where(y > horizon, 0.12, slant)
    disk = edge((radius - away) * side) * (tone == 1)
    return Block(firs(random, tone, horizon), slant.astype(np.float32), disk)


def peaks(random: np.random.Generator, x: Array, horizon: float, tall: float) -> Array:
    """Return the height [1, W] of a jagged range, in pixels from the top."""
    knots = int(random.integers(4, 8))
    line = np.interp(x, np.linspace(0, x.shape[1], knots), random.uniform(0.1, 1, knots))
    return (horizon - tall * line).astype(np.float32)


def firs(random: np.random.Generator, tone: Array, horizon: float) -> Array:
    """Cut one to three firs into the foreground, lit from the left."""
    height, width = tone.shape
    x, y = axes(width, height)
    for _ in range(random.integers(1, 4)):
        center = random.uniform(0.1, 0.9) * width
        foot = horizon + random.uniform(0.08, 0.36) * (height - horizon)
        tall = random.uniform(0.28, 0.52) * height
        up = (foot - y) / tall  # 0 at the foot, 1 at the tip
        teeth = 0.75 + 0.5 * ((up * 6) % 1)
        half = np.where(up > 0.12, 0.28 * tall * (1 - up) * teeth, 0.03 * tall)
        fir = (up > 0) & (up < 1) & (np.abs(x - center) < half)
        tone = np.where(fir, 0.03 + 0.25 * (x < center - 0.3 * half), tone)
    return tone.astype(np.float32)
