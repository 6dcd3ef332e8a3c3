"""What tells one set of prepared images from another."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING

from gantool.data.decoding import DECODER_VERSION

if TYPE_CHECKING:
    from gantool.data.rendering import Rendering
    from gantool.interfaces.image import ImageSource

LAYOUT_VERSION = 1
"""Raised whenever the files of prepared images change their meaning."""
BLOCK_IMAGES = 1024
FIRST_RENDERING = ("bilinear", True, "ignore")
"""How images were rendered before that could be chosen: their fingerprints stay."""


def fingerprint(source: ImageSource, rendering: Rendering) -> str:
    """Return 32 hexadecimal digits that change with whatever the prepared images depend on.

    That is each image's name below its folder, size, time (or checksum) and label, the classes,
    the rendering and the versions of decoder and layout. The folder's own place is not among
    it: a moved or copied folder keeps its prepared images.
    """
    shape, fit, *how = rendering
    since = [] if tuple(how) == FIRST_RENDERING else [how]
    settings = [LAYOUT_VERSION, DECODER_VERSION, *shape, fit, *since, *source.classes]
    digest = blake2b(json.dumps(settings).encode(), digest_size=16)
    for start in range(0, len(source), BLOCK_IMAGES):
        block = range(start, min(start + BLOCK_IMAGES, len(source)))
        digest.update(_described(source, block).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _described(source: ImageSource, block: range) -> str:
    """Describe some images so that no two descriptions run into each other."""
    columns = zip(
        map(source.name, block),
        map(source.stamp, block),
        map(source.label, block),
        strict=True,
    )
    return "".join(
        [f"{len(name)}:{name}{size},{time},{label};" for name, (size, time), label in columns]
    )
