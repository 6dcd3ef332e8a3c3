"""Images that cannot be used, and why, in plain words."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from gantool.data.color import PROFILE_LIMIT, ProfileTooLargeError
from gantool.data.limits import TooCostlyError

PIXEL_LIMIT = 89_478_485
"""Pixels of the largest image that is decoded: Pillow's own limit, 256 MiB of RGB."""

NOT_AN_IMAGE = "not an image"
TRUNCATED = "truncated"
TOO_LARGE = f"larger than {PIXEL_LIMIT // 10**6} megapixels"
MISSING = "missing"
UNREADABLE = "unreadable"
CORRUPT = "corrupt"
PROFILE_TOO_LARGE = f"color profile larger than {PROFILE_LIMIT >> 20} MB"
CRASHED = "crashes its decoder, or does not fit in memory"
TOO_SLOW = "takes more than {:g} seconds to decode"


class Skipped(NamedTuple):
    """An image that could not be used.

    Attributes:
        name: Its name in the source.
        reason: Why, in plain words.
        number: Its place in the source.
    """

    name: str
    reason: str
    number: int


class UnusableError(Exception):
    """An image that is whole, and cannot be used all the same; the message is the reason."""


REASONS: tuple[tuple[type[Exception], str], ...] = (
    (Image.DecompressionBombError, TOO_LARGE),
    (Image.DecompressionBombWarning, TOO_LARGE),
    (ProfileTooLargeError, PROFILE_TOO_LARGE),
    (UnidentifiedImageError, NOT_AN_IMAGE),
    (FileNotFoundError, MISSING),
    (EOFError, TRUNCATED),
    (MemoryError, f"{UNREADABLE}: not enough memory"),
)


def reason(error: Exception) -> str:
    """Say in plain words why an image could not be decoded."""
    for kind, words in REASONS:
        if isinstance(error, kind):
            return words
    text = " ".join(str(error).split())[:100]
    if isinstance(error, (UnusableError, TooCostlyError)):
        return text
    if isinstance(error, OSError) and error.errno is not None:  # reading failed, not decoding
        return f"{UNREADABLE}: {error.strerror}"
    if "truncated" in text.lower():
        return TRUNCATED
    return f"{CORRUPT}: {text or type(error).__name__}"
