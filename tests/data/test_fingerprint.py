"""Prepared images are found again exactly where they would be the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from gantool import Dataset, ImageShape
from gantool.data.fingerprint import earlier_fingerprint, fingerprint
from gantool.data.preparing import open_source
from gantool.data.rendering import Rendering

SHAPE = ImageShape(3, 8, 8)


def test_whatever_changes_pixels_changes_the_fingerprint(
    tree: Callable[[Path], Dataset], folder: Callable[[int], Path]
) -> None:
    source = open_source(tree(folder(4)))
    renderings = [
        Rendering(SHAPE),
        Rendering(ImageShape(1, 8, 8)),
        Rendering(SHAPE, fit="crop"),
        Rendering(SHAPE, resample="lanczos"),
        Rendering(SHAPE, draft=False),
        Rendering(SHAPE, profiles="ignore"),
    ]
    assert len({fingerprint(source, each, (), ()) for each in renderings}) == len(renderings)


def test_runs_from_before_profiles_counted_find_their_images(
    tree: Callable[[Path], Dataset], folder: Callable[[int], Path]
) -> None:
    source = open_source(tree(folder(4)))
    digest = blake2b(json.dumps([1, 1, 3, 8, 8, "pad", "a", "b"]).encode(), digest_size=16)
    for index in range(4):
        name, (size, time) = source.name(index), source.stamp(index)
        line = f"{len(name)}:{name}{size},{time},{source.label(index)};"
        digest.update(line.encode())
    rendering = Rendering(SHAPE, fit="pad", profiles="ignore")
    assert earlier_fingerprint(source, rendering) == digest.hexdigest()
