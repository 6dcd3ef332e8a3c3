"""Colors as a file means them: converted from its embedded profile (ICC.1:2022) to sRGB."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image, ImageCms

from gantool.data.prepare.limits import UnusableError

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

PROFILE_LIMIT = 4 << 20
"""Size limit of a profile; those of printing presses have two million bytes."""
SAME_LEVELS = 2
"""Rounding, in levels of 255, within which a profile counts as sRGB itself."""
NAME_LIMIT = 60

MODES = {"GRAY": "L", "RGB ": "RGB", "CMYK": "CMYK"}
"""Pillow's mode for each color space of a profile, section 7.2.6."""
DEVICES = (b"scnr", b"mntr", b"prtr", b"spac")
"""Classes of profiles that say what colors mean, section 7.2.5; the others join such profiles."""
GRAY_MODES = ("1", "L", "LA", "La", "I", "F")
HEADER_BYTES, TAG_BYTES = 128, 12


class ProfileTooLargeError(UnusableError):
    """An embedded profile that is larger than any real one."""


class Profile(NamedTuple):
    """The color profile of an image.

    Attributes:
        name: As it calls itself.
        conversion: To sRGB; None where there is nothing to convert.
        problem: Why it cannot be used, so that the colors are taken as sRGB; mostly empty.
    """

    name: str
    conversion: ImageCmsTransform | None = None
    problem: str = ""


def profile_of(image: Image.Image) -> Profile | None:
    """Return the profile that an opened image carries, or None.

    A profile that cannot be read, or is for other kinds of colors, has a `problem` and is passed
    over, as browsers do.

    Raises:
        ProfileTooLargeError: When it has more bytes than any real one.
    """
    content = image.info.get("icc_profile")
    if not isinstance(content, bytes) or not content:
        return None
    if len(content) > PROFILE_LIMIT:
        raise ProfileTooLargeError(f"color profile larger than {PROFILE_LIMIT >> 20} MB")
    profile = _read(content)
    if profile.conversion is not None and profile.conversion.input_mode != _expected(image.mode):
        return Profile(profile.name, problem=f"not for {_expected(image.mode)} images, so left out")
    return profile


def to_srgb(image: Image.Image, conversion: ImageCmsTransform) -> Image.Image:
    """Convert an image of mode L, RGB, CMYK or RGBa; the result is RGB, or RGBa."""
    if image.mode != "RGBa":
        return conversion.apply(_in_mode(image, conversion.input_mode))
    straight = image.convert("RGBA")
    converted = conversion.apply(_in_mode(straight, conversion.input_mode))
    converted.putalpha(straight.getchannel("A"))
    return converted.convert("RGBa")


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Return the colors alone; those of a gray image may have been spread over three channels."""
    if image.mode == mode:
        return image
    return image.getchannel(0) if mode == "L" else image.convert(mode)


def _expected(mode: str) -> str:
    """Return the mode of color that pixels of a mode stand for."""
    if mode in GRAY_MODES or mode.startswith("I;"):
        return "L"
    return mode if mode in ("CMYK", "LAB") else "RGB"


@lru_cache(maxsize=8)  # the pictures of a folder mostly share a few profiles
def _read(content: bytes) -> Profile:
    name = "unnamed"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(_without_programs(content)))
        name = " ".join(ImageCms.getProfileDescription(source).split())[:NAME_LIMIT] or name
        mode = MODES.get(content[16:20].decode("latin-1"))
        if content[12:16] not in DEVICES or mode is None:
            return Profile(name, problem="of a kind that says nothing of colors, so left out")
        conversion = _conversion(source, mode)
        return Profile(name, None if _is_srgb(conversion) else conversion)
    except Exception:  # a hostile profile can make its reader fail in any way
        return Profile(name, problem="cannot be read, so left out")


def _without_programs(content: bytes) -> bytes:
    """Rename the tags D2Bx and B2Dx (section 9.2), so that nobody reads them.

    Their elements may point to one table any number of times, so a small file could fill the
    memory. Required tables say the same, less precisely.
    """
    hidden = bytearray(content)
    count = min(int.from_bytes(content[HEADER_BYTES : HEADER_BYTES + 4]), 1000)
    for at in range(HEADER_BYTES + 4, HEADER_BYTES + 4 + count * TAG_BYTES, TAG_BYTES):
        if bytes(hidden[at : at + 3]) in (b"D2B", b"B2D"):
            hidden[at : at + 3] = b"___"
    return bytes(hidden)


def _conversion(source: ImageCms.ImageCmsProfile, mode: str) -> ImageCmsTransform:
    """Return the conversion to sRGB that keeps colors, and black black."""
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    if mode == "L":  # littlecms would shorten a curve to 33 points
        flags |= ImageCms.Flags.NOOPTIMIZE
    return ImageCms.ImageCmsTransform(
        source,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=flags,
    )


def _is_srgb(conversion: ImageCmsTransform) -> bool:
    """Whether a conversion leaves the colors of a coarse grid unchanged."""
    if conversion.input_mode == "CMYK":
        return False
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    if conversion.input_mode == "L":
        before = np.repeat(levels[None, :, None], 3, axis=2)  # [1, 18, 3]
    else:
        before = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    image = _in_mode(Image.fromarray(before), conversion.input_mode)
    apart = np.asarray(conversion.apply(image)).astype(int) - before
    return bool(np.abs(apart).max() <= SAME_LEVELS)
