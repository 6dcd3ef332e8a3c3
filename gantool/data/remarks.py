"""What an image file's header tells, short of decoding it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gantool.data.decoding import LYING, orientation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from gantool.interfaces.image import ImageShape

ANIMATED = "animated"
GRAYSCALE = "grayscale"
CMYK = "CMYK"
SIXTEEN_BIT = "16-bit"
TRANSPARENT = "transparent"
ROTATED = "rotated"
TOO_SMALL = "too small"


class Remark(NamedTuple):
    """What was noticed, and what is done about it."""

    kind: str
    detail: str


def upright_size(image: Image) -> tuple[int, int]:
    """Return width and height as the image is meant to be seen."""
    width, height = image.size
    return (height, width) if orientation(image) in LYING else (width, height)


def remarks(image: Image, shape: ImageShape) -> Iterator[Remark]:
    """Yield what deserves a remark in an image that was just opened, to be prepared at a shape."""
    frames = _frames(image)
    if frames > 1:
        yield Remark(ANIMATED, f"{frames} frames, of which the first is used")
    if image.mode in ("1", "L", "LA", "La") and shape.channels > 1:
        yield Remark(GRAYSCALE, "converted to color")
    if image.mode == "CMYK":
        yield Remark(CMYK, "converted")
    if _has_sixteen_bits(image):
        yield Remark(SIXTEEN_BIT, "scaled to 8 bits")
    if image.has_transparency_data and shape.channels < 4:
        yield Remark(TRANSPARENT, "laid on white")
    if (turn := orientation(image)) > 1:
        yield Remark(ROTATED, f"EXIF orientation {turn}, applied")
    width, height = upright_size(image)
    if width < shape.width or height < shape.height:
        yield Remark(TOO_SMALL, f"{width}x{height}, enlarged to {shape.width}x{shape.height}")


def _frames(image: Image) -> int:
    """Return the number of frames; a photo's hidden previews (MPO) are not frames."""
    if image.format == "MPO":
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # later frames may be broken; the first, which is used, was decoded
        return 1


def _has_sixteen_bits(image: Image) -> bool:
    """Whether the file holds 16-bit values; in color only the tiles, gone once loaded, say so."""
    tiles = getattr(image, "tile", ())
    return image.mode.startswith("I") or any(";16" in str(tile[3]) for tile in tiles)
