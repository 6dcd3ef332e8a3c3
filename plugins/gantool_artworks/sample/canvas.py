"""Pictures as arrays: coordinates, smooth noise, mixing of colors, and the finish of a canvas."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Option = TypeVar("Option")
Array = NDArray[np.floating[Any]]
"""Float values: [H, W] for a field, [3, H, W] in [0, 1] for a picture, [3, 1, 1] for a color."""

LEVELS = np.linspace(0, 1, 256)


@cache
def color(code: str) -> Array:
    """Return the color [3, 1, 1] of a code such as "#1d2b4f"."""
    return np.array([[[int(code[i : i + 2], 16) / 255]] for i in (1, 3, 5)], np.float32)


def pick(random: np.random.Generator, options: Sequence[Option]) -> Option:
    """Return one of several options, all equally likely."""
    return options[int(random.integers(len(options)))]


def vary(random: np.random.Generator, code: str, amount: float = 0.03) -> Array:
    """Return a color near the given one: lightness and each channel drift by about `amount`."""
    drift = amount * (random.normal() + 0.5 * random.normal(size=(3, 1, 1)))
    return np.clip(color(code) + drift, 0, 1).astype(np.float32)


def axes(width: int, height: int) -> tuple[Array, Array]:
    """Return x [1, W] and y [H, 1] in pixels, measured at pixel centers."""
    x = np.arange(width, dtype=np.float32) + 0.5
    y = np.arange(height, dtype=np.float32) + 0.5
    return x[None, :], y[:, None]


def noise(random: np.random.Generator, width: int, height: int, scale: float) -> Array:
    """Return smooth noise [H, W] in about [-1, 1] whose features are `scale` pixels wide."""
    return stretched_noise(random, width, height, scale, scale)


def stretched_noise(
    random: np.random.Generator, width: int, height: int, across: float, down: float
) -> Array:
    """Return smooth noise [H, W] whose features are `across` pixels wide and `down` high."""
    columns, rows = (max(2, round(width / across) + 1), max(2, round(height / down) + 1))
    coarse = 2 * random.random((rows, columns), np.float32) - 1
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def mix(first: Array, second: Array, share: Array | float) -> Array:
    """Return `first` where `share` is 0 and `second` where it is 1; a field is used per pixel."""
    return first + (second - first) * np.asarray(share, np.float32)


def edge(distance: Array, softness: float = 1.0) -> Array:
    """Return 1 where a distance in pixels is well above 0, and 0 well below; an even ramp between.

    With a softness of 1 pixel this is an antialiased edge.
    """
    ramp = distance / np.float32(softness) + np.float32(0.5)
    return np.asarray(np.clip(ramp, 0, 1), np.float32)


def gradient(stops: list[Array], position: Array) -> Array:
    """Return colors [3, H, W] along evenly spaced stops, at positions [H, W] in [0, 1]."""
    at = np.linspace(0, 1, len(stops))
    entry = (position * np.float32(255) + np.float32(0.5)).astype(np.uint8)  # [H, W]
    channels = np.stack(stops)[..., 0, 0].T  # [3, stops]
    return np.stack([np.interp(LEVELS, at, c).astype(np.float32)[entry] for c in channels])


def window(picture: Array, center: tuple[float, float], reach: float) -> tuple[Array, Array, Array]:
    """Return the part of a picture around a point, as a view, with x and y measured from the point.

    Small things are painted in a window: the rest of the canvas costs no time.
    """
    height, width = picture.shape[1:]
    left, top = (max(0, int(at - reach)) for at in center)
    right, bottom = min(width, int(center[0] + reach) + 2), min(height, int(center[1] + reach) + 2)
    x, y = axes(width, height)
    view = picture[:, top:bottom, left:right]
    return view, x[:, left:right] - center[0], y[top:bottom] - center[1]


def finish(
    random: np.random.Generator, picture: Array, grain: float = 0.02, relief: float = 0.02
) -> Image.Image:
    """Return a picture as an image with the grain and the uneven paint of a canvas.

    Args:
        random: Where the texture comes from.
        picture: Colors, [3, H, W] in [0, 1].
        grain: Strength of the fine texture.
        relief: Strength of the broad one.
    """
    height, width = picture.shape[1:]
    texture = grain * noise(random, width, height, 1.6) + relief * noise(random, width, height, 14)
    values = np.clip((picture + texture) * np.float32(255) + np.float32(0.5), 0, 255)
    return Image.fromarray(np.ascontiguousarray(values.astype(np.uint8).transpose(1, 2, 0)))
