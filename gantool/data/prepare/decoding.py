"""One image file to pixels of one shape: oriented, resized, converted, or refused with a reason."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from gantool.data.prepare.color import profile_of, to_srgb
from gantool.data.prepare.limits import UnusableError
from gantool.errors import GantoolError
from gantool.interfaces.dataset import is_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.ImageCms import ImageCmsTransform

    from gantool.data.prepare.fingerprint import Rendering
    from gantool.data.prepare.limits import Allowance
    from gantool.interfaces.dataset import ImageShape, ImageSource

PIXEL_LIMIT = 89_478_485
"""Pixels of the largest image that is decoded: Pillow's own limit, 256 MiB of RGB."""

NOT_AN_IMAGE = "not an image"
TRUNCATED = "truncated"
TOO_LARGE = f"larger than {PIXEL_LIMIT // 10**6} megapixels"
MISSING = "missing"
UNREADABLE = "unreadable"
CORRUPT = "corrupt"
CRASHED = "crashes its decoder, or does not fit in memory"
TOO_SLOW = "takes more than {:g} seconds to decode"
REASONS: tuple[tuple[type[Exception], str], ...] = (
    (Image.DecompressionBombError, TOO_LARGE),
    (Image.DecompressionBombWarning, TOO_LARGE),
    (UnidentifiedImageError, NOT_AN_IMAGE),
    (FileNotFoundError, MISSING),
    (EOFError, TRUNCATED),
    (MemoryError, f"{UNREADABLE}: not enough memory"),
)
DIGEST_BYTES = 16
BLOCK_BYTES = 1 << 20
DRAFTABLE = ("JPEG", "MPO")
"""Formats whose decoder can shrink by 2, 4 or 8 while it decodes."""
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, by its EXIF orientation."""
LYING = frozenset({5, 6, 7, 8})
"""EXIF orientations whose width and height change places."""


class Skipped(NamedTuple):
    """An image that could not be used."""

    name: str
    reason: str
    number: int


def reason(error: Exception) -> str:
    """Return in plain words why an image could not be decoded."""
    for kind, words in REASONS:
        if isinstance(error, kind):
            return words
    text = " ".join(str(error).split())[:100]
    if isinstance(error, UnusableError):
        return text
    if isinstance(error, OSError) and error.errno is not None:  # reading failed, not decoding
        return f"{UNREADABLE}: {error.strerror}"
    if "truncated" in text.lower():
        return TRUNCATED
    return f"{CORRUPT}: {text or type(error).__name__}"


class Decoded(NamedTuple):
    """The outcome of decoding an image.

    Attributes:
        pixels: uint8 [H, W, C]; None where it cannot be used.
        digest: Of its file's bytes.
        size: Width and height of the picture as it is meant to be seen.
        converted: Whether its colors were converted from a profile.
        reason: Why it cannot be used; empty where it can.
    """

    pixels: np.ndarray | None
    digest: bytes = b""
    size: tuple[int, int] = (0, 0)
    converted: bool = False
    reason: str = ""


def decode(image: Image.Image, rendering: Rendering) -> np.ndarray:
    """Decode an opened image to pixels of one shape, uint8 [H, W, C].

    A JPEG decoder is told the size first and skips what is not needed. Shrinking averages over
    all pixels (by default under a triangle, as torchvision's `Resize` on PIL images). The EXIF
    orientation is applied, an animation gives its first frame, 16-bit values are scaled,
    transparency is laid on white unless the shape has a fourth channel, and colors are converted
    from an embedded profile to sRGB: after shrinking, so that a large picture takes no longer.

    Raises:
        UnusableError: When the image is too large or of a kind that has no 8-bit meaning.
        Exception: Whatever Pillow raises for a broken file; `reason` puts it in words.
    """
    if image.width * image.height > PIXEL_LIMIT:  # before anything is allocated
        raise UnusableError(TOO_LARGE)
    if image.format not in DRAFTABLE:  # some formats tell their orientation after the pixels
        image.load()
    shape, turn = rendering.shape, orientation(image)
    frame = (shape.height, shape.width) if turn in LYING else (shape.width, shape.height)
    small = _resized(image, frame, rendering)
    if turn in UPRIGHT:
        small = small.transpose(UPRIGHT[turn])
    return _finished(small, shape)


def decode_one(
    source: ImageSource, index: int, rendering: Rendering, allowance: Allowance | None = None
) -> Decoded:
    """Decode one image of a source, within its allowance of memory if there is one.

    Raises:
        GantoolError: When the source itself says that something is wrong.
    """
    try:
        with opened(source, index) as image:
            file_bytes, digest = _read(image)
            if allowance is not None:
                allowance.suit(image, file_bytes)
            size = image.size  # decoding may shrink it
            converted = _conversion(image, rendering) is not None
            pixels = decode(image, rendering)
            return Decoded(pixels, digest, upright(size, orientation(image)), converted)
    except GantoolError:
        raise
    except Exception as error:  # decoders fail in any way
        if allowance is not None and allowance.has_refused(error):
            return Decoded(None, reason=allowance.exceeded)
        return Decoded(None, reason=reason(error))


@contextmanager
def opened(source: ImageSource, index: int) -> Iterator[Image.Image]:
    """Open an image of a source, refuse formats that are not read, and close it in the end."""
    with source.image(index) as image:
        if not is_read(image):
            raise UnusableError(f"of the format {image.format}, which is not read")
        yield image


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Silence decoders' warnings, and make errors of decompression bombs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) to 8; 1 if there is none, or a wrong one."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # a malformed EXIF block says nothing about the pixels
        return 1
    return value if value in UPRIGHT else 1


def upright(size: tuple[int, int], turn: int) -> tuple[int, int]:
    """Return width and height as a picture is meant to be seen, by its EXIF orientation."""
    return (size[1], size[0]) if turn in LYING else size


def _read(image: Image.Image) -> tuple[int, bytes]:
    """Return size and digest of an opened image's file, or of its pixels where it has none."""
    file = getattr(image, "fp", None)
    digest = blake2b(digest_size=DIGEST_BYTES)
    if file is None:
        pixels = image.tobytes()
        digest.update(f"{image.mode} {image.size} ".encode() + pixels)
        return len(pixels), digest.digest()
    place = file.tell()
    file.seek(0)
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
    size = file.tell()
    file.seek(place)
    return size, digest.digest()


def _resized(image: Image.Image, frame: tuple[int, int], rendering: Rendering) -> Image.Image:
    """Shrink or enlarge to a frame (width, height), or inside it where `fit` is "pad"."""
    fit, conversion = rendering.fit, _conversion(image, rendering)
    size = fitted(image, *frame) if fit == "pad" else frame
    gray = rendering.shape.channels == 1 and conversion is None
    drafted = image.draft("L" if gray else None, size) if rendering.draft else None
    right, bottom = drafted[1][2:] if drafted else image.size
    box = _centered(right, bottom, size[0] / size[1]) if fit == "crop" else (0, 0, right, bottom)
    filter_ = Image.Resampling[rendering.resample.upper()]
    inks = image.mode == "CMYK" and conversion is not None
    small = (image if inks else _averageable(image)).resize(size, filter_, box)
    return small if conversion is None else to_srgb(small, conversion)


def _conversion(image: Image.Image, rendering: Rendering) -> ImageCmsTransform | None:
    """Return the conversion of an image's colors to sRGB, or None if they need none."""
    profile = profile_of(image) if rendering.profiles == "convert" else None
    return None if profile is None else profile.conversion


def fitted(image: Image.Image, width: int, height: int) -> tuple[int, int]:
    """Return the size of the whole image inside a frame of `width` by `height`."""
    scale = min(width / image.width, height / image.height)
    return max(1, round(image.width * scale)), max(1, round(image.height * scale))


def _centered(right: float, bottom: float, aspect: float) -> tuple[float, float, float, float]:
    """Return the largest box of an aspect (width / height) around the center."""
    width, height = min(right, bottom * aspect), min(bottom, right / aspect)
    left, top = (right - width) / 2, (bottom - height) / 2
    return left, top, left + width, top + height


def _averageable(image: Image.Image) -> Image.Image:
    """Return the image in a mode whose pixels may be averaged: L, RGB or premultiplied RGBa."""
    if image.mode[0] in "IF":  # I;16, I;16B, I and F
        return _eight_bits(image)
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    try:
        if image.has_transparency_data:
            alpha = image if image.mode == "RGBA" else image.convert("RGBA")
            return alpha.convert("RGBa")
        return image.convert("RGB")
    except ValueError as error:
        raise UnusableError(f"colors of mode {image.mode}") from error


def _eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit values to 8 bits; Pillow's own conversion clips them."""
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise UnusableError("32-bit values, whose range is not known")
    scaled = (values.astype(np.uint32) * 255 + 32767) // 65535  # 65535 = 257 * 255
    return Image.fromarray(scaled.astype(np.uint8))


def _finished(small: Image.Image, shape: ImageShape) -> np.ndarray:
    """Return the pixels in their final channels, centered on black, uint8 [H, W, C]."""
    channels, height, width = shape
    if small.mode == "RGBa" and channels < 4:
        small = Image.fromarray(_on_white(np.asarray(small)))
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    final = small if small.mode == mode else small.convert(mode)
    left, top = (width - final.width) // 2, (height - final.height) // 2
    framed = final.crop((-left, -top, width - left, height - top))  # zeros where nothing is
    return np.frombuffer(framed.tobytes(), np.uint8).reshape(height, width, channels)


def _on_white(premultiplied: np.ndarray) -> np.ndarray:
    """Lay premultiplied pixels, uint8 [H, W, 4], on white: color + (1 - alpha)."""
    wide = premultiplied.astype(np.int16)
    return (wide[..., :3] + 255 - wide[..., 3:]).clip(0, 255).astype(np.uint8)  # [H, W, 3]
