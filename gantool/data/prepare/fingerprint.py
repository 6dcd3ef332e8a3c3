"""The rendering of a data set's images, and fingerprints that tell one set of them from another."""

from __future__ import annotations

import json
from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal, NamedTuple

from gantool.interfaces.dataset import TellsChanges

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gantool.interfaces.dataset import ImageShape, ImageSource
    from gantool.recipe.schema import ImageTable

Fit = Literal["stretch", "crop", "pad"]
Resample = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
Profiles = Literal["convert", "ignore"]
DECODER_VERSION = 1
"""Raised whenever the same file would give other pixels: prepared images are then made again."""
LAYOUT_VERSION = 1
"""Raised whenever the files of prepared images change their meaning."""
FIRST_RENDERING = ("bilinear", True, "ignore")
"""How images were rendered before that could be chosen: their fingerprints stay."""


class Rendering(NamedTuple):
    """Options of `[image]` that pixels depend on, for decoding processes, which need no recipe."""

    shape: ImageShape
    fit: Fit = "stretch"
    resample: Resample = "bilinear"
    draft: bool = True
    profiles: Profiles = "convert"


def rendering_of(image: ImageTable) -> Rendering:
    """Return what a recipe's `[image]` says of every image."""
    return Rendering(image.shape, image.fit, image.resample, image.draft, image.profiles)


class Listing(NamedTuple):
    """Marks of a dataset's images before any is read, each of 32 hexadecimal digits.

    Attributes:
        mark: Changes with every file that was touched: where prepared images are looked for.
        earlier: What named the same images before contents did: without times of change. Empty
            where colors were converted, as they were not then.
    """

    mark: str
    earlier: str


def listing_of(source: ImageSource, rendering: Rendering) -> Listing:
    """Return what is known of images before any is read.

    The folder's own place is not among it: a moved folder keeps its prepared images.
    """
    earlier = earlier_fingerprint(source, rendering)
    digest = blake2b(f"{earlier} {rendering.profiles}".encode(), digest_size=16)
    if isinstance(source, TellsChanges):
        digest.update(array("q", map(source.changed, range(len(source)))))
    return Listing(digest.hexdigest(), earlier)


def fingerprint(
    source: ImageSource, rendering: Rendering, numbers: Iterable[int], digests: Iterable[bytes]
) -> str:
    """Return 32 hexadecimal digits that change with whatever training on the images depends on.

    That is each image's name below its folder, label and content, the classes, the rendering and
    the version of the decoder; when the files were written is not among it.
    """
    digest = blake2b(_settings(source, rendering), digest_size=16)
    for number, content in zip(numbers, digests, strict=True):
        name = source.name(number)
        text = f"{len(name)}:{name}{source.label(number)};"
        digest.update(text.encode("utf-8", "surrogatepass") + content)
    return digest.hexdigest()


def earlier_fingerprint(source: ImageSource, rendering: Rendering) -> str:
    """Return what fingerprints were before contents counted: they stand in older checkpoints.

    They change with each image's name, size, time (or checksum) and label. Color profiles did not
    count then.
    """
    digest = blake2b(_settings(source, rendering._replace(profiles="ignore")), digest_size=16)
    for index in range(len(source)):
        name, (size, time), label = source.name(index), source.stamp(index), source.label(index)
        text = f"{len(name)}:{name}{size},{time},{label};"  # no two of them run into each other
        digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _settings(source: ImageSource, rendering: Rendering) -> bytes:
    """Return what concerns all images."""
    shape, fit, *how = rendering
    since = [] if tuple(how) == FIRST_RENDERING else [how]
    settings = [LAYOUT_VERSION, DECODER_VERSION, *shape, fit, *since, *source.classes]
    return json.dumps(settings).encode()
