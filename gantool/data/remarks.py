"""Remarks on an image file by its header, without decoding it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gantool.data.prepare.color import PROFILE_LIMIT, Profile, ProfileTooLargeError, profile_of
from gantool.data.prepare.decoding import opened, orientation, quiet_decoders, upright
from gantool.data.prepare.fingerprint import Rendering
from gantool.data.prepare.limits import Limits
from gantool.interfaces.dataset import ImageSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from gantool.data.prepare.job import Chunk, Starting

ANIMATED = "animated"
GRAYSCALE = "grayscale"
CMYK = "CMYK"
SIXTEEN_BIT = "16-bit"
TRANSPARENT = "transparent"
ROTATED = "rotated"
PROFILE = "color profile"
TOO_SMALL = "too small"
NOT_LOOKED_AT = "not looked at"
"""Remark on an image that ended the process which looked at it."""
Remark = tuple[str, str]
"""A kind of peculiarity, and what is done about it."""


@dataclass(frozen=True)
class LookingJob:
    """Open images once more, for remarks on them; chunks count places among the chosen ones."""

    source: ImageSource
    chosen: Sequence[int]
    rendering: Rendering
    limits: Limits = field(default_factory=Limits)

    def run(self, chunk: Chunk, starting: Starting) -> list[Any]:
        """Return place, name of the color profile and remarks of each image with any of these."""
        said: list[Any] = []
        with quiet_decoders():
            for place in range(*chunk):
                starting(place)
                with self.limits.applied(), opened(self.source, self.chosen[place]) as image:
                    profile, noticed = _profile(image), list(remarks(image, self.rendering))
                if profile is not None or noticed:
                    said.append((place, profile and profile.name, noticed))
        return said

    def lost(self, number: int, reason: str) -> list[Any]:
        """Return the same of an image that ended the process."""
        return [(number, None, [(NOT_LOOKED_AT, reason)])]


def remarks(image: Image, rendering: Rendering) -> Iterator[Remark]:
    """Yield the remarks on an image that was just opened and is to be rendered so."""
    frames = _frames(image)
    if frames > 1:
        yield ANIMATED, f"{frames} frames, of which the first is used"
    yield from _color_remarks(image, rendering)
    if (turn := orientation(image)) > 1:  # at last: this may load the image
        yield ROTATED, f"EXIF orientation {turn}, applied"
    shape, (width, height) = rendering.shape, upright(image.size, turn)
    if width < shape.width or height < shape.height:
        yield TOO_SMALL, f"{width}x{height}, enlarged to {shape.width}x{shape.height}"


def _color_remarks(image: Image, rendering: Rendering) -> Iterator[Remark]:
    if image.mode in ("1", "L", "LA", "La") and rendering.shape.channels > 1:
        yield GRAYSCALE, "converted to color"
    if image.mode == "CMYK":
        yield CMYK, "converted"
    if _has_sixteen_bits(image):
        yield SIXTEEN_BIT, "scaled to 8 bits"
    if image.has_transparency_data and rendering.shape.channels < 4:
        yield TRANSPARENT, "laid on white"
    if (profile := _profile(image)) and (profile.conversion or profile.problem):
        used = profile.problem or "converted to sRGB"
        ignored = rendering.profiles == "ignore"
        yield PROFILE, f"{profile.name}: {'ignored' if ignored else used}"


def _profile(image: Image) -> Profile | None:
    """Return an image's color profile, also one that is too large to be read."""
    try:
        return profile_of(image)
    except ProfileTooLargeError:
        return Profile(f"larger than {PROFILE_LIMIT >> 20} MB", problem="not read")


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
