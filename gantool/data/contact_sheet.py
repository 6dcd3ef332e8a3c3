"""Many prepared images at a glance, class by class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gantool.data.prepare.decoding import fitted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gantool.data.prepare.prepared import PreparedImages

PAPER = (250, 250, 248)
INK = (38, 38, 38)
FAINT = (138, 138, 138)
MARGIN = 20
GAP = 4
CAPTION = 28
TEXT_SIZE = 14
SIDE = 96
"""Longer side of a thumbnail in pixels."""
MOST_CLASSES = 24


class Band(NamedTuple):
    """Some images under one caption."""

    caption: str
    total: int
    rows: NDArray[np.int64]


def contact_sheet(prepared: PreparedImages, count: int) -> Image.Image:
    """Draw about `count` images, spread evenly over the dataset, as RGB.

    Labeled images stand in one line for each class, under its name and size; of more than 24
    classes, the largest are shown.
    """
    bands = _class_bands(prepared, count) or [
        Band("images", len(prepared), _spread_over(np.arange(len(prepared)), count))
    ]
    columns = min(12, max(4, *(len(band.rows) for band in bands)))
    width, height = _thumbnail(prepared.images[0]).size
    lines = [math.ceil(len(band.rows) / columns) for band in bands]
    size = (
        2 * MARGIN + columns * (width + GAP) - GAP,
        2 * MARGIN + len(bands) * CAPTION + sum(lines) * (height + GAP) - GAP,
    )
    sheet = Image.new("RGB", size, PAPER)
    top = MARGIN
    for band, deep in zip(bands, lines, strict=True):
        _write_caption(sheet, top, band)
        top += CAPTION
        for place, row in enumerate(band.rows):
            line, column = divmod(place, columns)
            corner = (MARGIN + column * (width + GAP), top + line * (height + GAP))
            sheet.paste(_thumbnail(prepared.images[row]), corner)
        top += deep * (height + GAP)
    return sheet


def _class_bands(prepared: PreparedImages, count: int) -> list[Band]:
    """Return one line of images a class, in the order of the labels."""
    labels = np.asarray(prepared.labels)
    counts = np.bincount(labels[labels >= 0], minlength=len(prepared.classes))
    largest = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    shown = [int(label) for label in sorted(largest) if counts[label]]
    each = max(4, min(12, count // max(1, len(shown))))
    rows = (_spread_over(np.flatnonzero(labels == label), each) for label in shown)
    names = (prepared.classes[label] for label in shown)
    return list(map(Band, names, counts[shown].tolist(), rows))


def _spread_over(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return at most `count` of the rows, evenly spread."""
    if len(rows) <= count:
        return rows
    return rows[np.arange(count) * len(rows) // count]


def _thumbnail(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return an image at the size of the sheet, on white where it is transparent."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB").resize(fitted(image, SIDE, SIDE), Image.Resampling.LANCZOS)


def _write_caption(sheet: Image.Image, top: int, band: Band) -> None:
    """Write the name, and the number of images in a fainter color."""
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(TEXT_SIZE)
    base = (MARGIN, top + CAPTION - 9)
    pen.text(base, band.caption, INK, font, anchor="ls")
    after = MARGIN + pen.textlength(band.caption, font) + 8
    pen.text((after, base[1]), f"{band.total:,}", FAINT, font, anchor="ls")
