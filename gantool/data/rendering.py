"""The one form that every image of a dataset is brought to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from gantool.interfaces.dataset import ImageShape
    from gantool.recipe.schema import ImageTable

Fit = Literal["stretch", "crop", "pad"]
Resample = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Profiles = Literal["convert", "ignore"]


class Rendering(NamedTuple):
    """All that the pixels of a prepared image depend on, besides its file.

    It is pickled into decoding processes, which need no recipe.

    Attributes:
        shape: Channels, height and width.
        fit: "stretch" to the shape, "crop" around the center, or "pad" with black
            (transparent black where there are four channels).
        resample: Pillow's name of the filter that shrinks and enlarges.
        draft: Whether a JPEG's decoder leaves out detail that the size does not need.
        profiles: Whether embedded color profiles are converted to sRGB.
    """

    shape: ImageShape
    fit: Fit = "stretch"
    resample: Resample = "bilinear"
    draft: bool = True
    profiles: Profiles = "convert"


def rendering_of(image: ImageTable) -> Rendering:
    """Return what a recipe's `[image]` says of every image."""
    return Rendering(image.shape, image.fit, image.resample, image.draft, image.profiles)
