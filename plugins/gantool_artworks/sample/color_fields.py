"""Odo Nebelmann: a few wide fields of color with soft edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gantool_artworks.sample.canvas import Array, axes, finish, mix, noise, pick, vary

if TYPE_CHECKING:
    from PIL.Image import Image

HARMONIES = (  # ground, then the fields from which two or three are taken
    ("#54191b", "#c43a2a", "#e8893a", "#8c1f2c"),
    ("#18244a", "#31559b", "#a9c0d6", "#1d3a5f"),
    ("#e5b03a", "#f3d489", "#d9602b", "#f0e2b8"),
    ("#27402f", "#6f9360", "#d8c37c", "#16281f"),
    ("#5c2748", "#d56a78", "#f0c4a2", "#8b3b66"),
    ("#2a2224", "#70402f", "#1a1a26", "#a3683f"),
    ("#d9c7b0", "#f1e9da", "#b7553f", "#3d4a5e"),
    ("#13505a", "#2f8f8d", "#e6d7a8", "#0c3340"),
)


def paint(random: np.random.Generator, width: int, height: int) -> Image:
    """Stack two or three blurred fields on a ground of a related color."""
    codes = pick(random, HARMONIES)
    picture = washed(random, codes[0], width, height)
    inks = random.permutation(np.array(codes[1:]))
    top = random.uniform(0.04, 0.09)
    for ink, bottom in zip(inks, boundaries(random, top), strict=False):
        layer = washed(random, str(ink), width, height)
        picture = mix(picture, layer, veil(random, width, height, top, bottom))
        top = bottom + random.uniform(0.015, 0.05)
    return finish(random, picture, grain=0.016, relief=0.022)


def boundaries(random: np.random.Generator, top: float) -> list[float]:
    """Return where each field ends, as shares of the height."""
    parts = random.uniform(0.5, 1.6, size=random.integers(2, 4))
    ends = top + (0.94 - top) * np.cumsum(parts) / parts.sum()
    return [float(end) for end in ends]


def veil(random: np.random.Generator, width: int, height: int, top: float, bottom: float) -> Array:
    """Return the cover [H, W] of one field: nearly 1 inside, fading unevenly at its edges."""
    x, y = axes(width, height)
    frayed = 0.02 * min(width, height) * noise(random, width, height, 22)
    margin = random.uniform(0.05, 0.1) * width
    inside = np.minimum(
        np.minimum(x - margin, width - margin - x),
        np.minimum(y - top * height, bottom * height - y),
    )
    softness = random.uniform(0.02, 0.04) * min(width, height)
    cover = 1 / (1 + np.exp(-(inside + frayed) / softness))
    return np.asarray(random.uniform(0.88, 0.98) * cover, np.float32)


def washed(random: np.random.Generator, code: str, width: int, height: int) -> Array:
    """Return an uneven wash of one color, [3, H, W]."""
    clouds = 0.045 * noise(random, width, height, 60) + 0.02 * noise(random, width, height, 18)
    return vary(random, code, 0.025) + clouds
