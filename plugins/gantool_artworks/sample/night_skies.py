"""Stella Nottara: night skies in whirling strokes, with stars, a moon and dark hills."""

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
    stretched_noise,
    vary,
    window,
)

if TYPE_CHECKING:
    from PIL.Image import Image

SKIES = (
    ("#0d1b4c", "#2a4f9e", "#7fb0d4"),
    ("#10143a", "#33307c", "#8f7fc0"),
    ("#0a2540", "#1f6283", "#8fc7b8"),
)


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Paint the sky, then its lights, then the land below."""
    codes = pick(random, SKIES)
    stops = [vary(random, code, 0.02) for code in codes]
    _, y = axes(width, height)
    light = 0.15 + 0.55 * y / height + 0.38 * strokes(random, width, height)
    picture = gradient(stops, np.clip(light, 0, 1))
    for _ in range(random.integers(5, 11)):
        place = (random.random() * width, random.uniform(0, 0.62) * height)
        star(random, picture, place, random.uniform(0.012, 0.03) * min(width, height))
    moon(random, picture)
    return finish(random, land(random, picture), grain=0.014, relief=0.016)


def strokes(random: np.random.Generator, width: int, height: int) -> Array:
    """Return long strokes [H, W] in about [-1, 1], wound around two or three whirls."""
    x, y = axes(width, height)
    plane = x + 1j * y  # turning about a point is one multiplication
    for _ in range(random.integers(2, 4)):
        center = complex(random.uniform(0.1, 0.9) * width, random.uniform(0.1, 0.6) * height)
        reach = random.uniform(0.16, 0.28) * min(width, height)
        away = plane - np.complex64(center)
        nearness = np.exp(-(away.real**2 + away.imag**2) / reach**2)
        angle = (3.2 if random.random() < 0.5 else -3.2) * nearness
        plane = center + away * (np.cos(angle) + 1j * np.sin(angle))
    long = stretched_noise(random, width, height, 46, 5)
    column = np.clip(plane.real, 0, width - 1).astype(np.intp)
    row = np.clip(plane.imag, 0, height - 1).astype(np.intp)
    return np.asarray(long[row, column])


def star(
    random: np.random.Generator, picture: Array, place: tuple[float, float], radius: float
) -> None:
    """Set a star with rings of light around it."""
    view, x, y = window(picture, place, 8 * radius)
    away = np.hypot(x, y) / radius
    halo = np.exp(-((away / 3.2) ** 2)) * (0.7 + 0.3 * np.cos(2.6 * away))
    view[:] = mix(view, vary(random, "#f2d477"), 0.85 * halo)
    view[:] = mix(view, color("#fff6d8"), edge(1 - away, 0.6))


def moon(random: np.random.Generator, picture: Array) -> None:
    """Set a crescent or a full moon into the upper sky."""
    height, width = picture.shape[1:]
    radius = random.uniform(0.07, 0.11) * min(width, height)
    place = (random.uniform(0.12, 0.88) * width, random.uniform(0.12, 0.3) * height)
    view, x, y = window(picture, place, 6 * radius)
    away = np.hypot(x, y)
    glow = np.exp(-((away / (2.4 * radius)) ** 2))
    view[:] = mix(view, vary(random, "#f3dc8e"), 0.75 * glow)
    disk = edge(radius - away)
    if random.random() < 0.6:
        disk = disk * edge(np.hypot(x - 0.45 * radius, y + 0.15 * radius) - 0.85 * radius)
    view[:] = mix(view, color("#fff3c9"), disk)


def land(random: np.random.Generator, picture: Array) -> Array:
    """Set hills, the windows of a village and perhaps a cypress before the sky."""
    height, width = picture.shape[1:]
    x, y = axes(width, height)
    base = random.uniform(0.72, 0.82) * height
    shade = 0.05 * noise(random, width, height, 9)
    for code, drop in (("#1c2d5a", 0.0), ("#101c38", 0.09)):
        phase, waves = random.uniform(0, 6.3), random.uniform(0.8, 1.8)
        ridge = base + drop * height + 0.06 * height * np.sin(waves * x / width * 6.3 + phase)
        picture = mix(picture, vary(random, code, 0.015) + shade, edge(y - ridge))
    size = 0.011 * min(width, height)
    for _ in range(random.integers(6, 16)):
        place = (random.uniform(0.05, 0.95) * width, base + random.uniform(0.07, 0.13) * height)
        view, dx, dy = window(picture, place, 3 * size)
        pane = edge(size - np.maximum(np.abs(dx), np.abs(dy)), 1.5)
        view[:] = mix(view, vary(random, "#f0b848"), pane)
    return cypress(random, picture) if random.random() < 0.55 else picture


def cypress(random: np.random.Generator, picture: Array) -> Array:
    """Set a dark flame of a tree at one side."""
    height, width = picture.shape[1:]
    x, y = axes(width, height)
    tall, wide = random.uniform(0.55, 0.85) * height, random.uniform(0.06, 0.1) * width
    center = (0.16 if random.random() < 0.5 else 0.84) * width
    up = np.clip((height - y) / tall, 0, 1)
    half = wide * np.sqrt(up + 0.15) * (1 - up) * 1.6
    sway = 0.2 * wide * np.sin(9 * up + random.uniform(0, 6.3))
    body = edge(half - np.abs(x - center - sway), 2) * (up < 1)
    return mix(picture, vary(random, "#0d1f1c", 0.02), body)
