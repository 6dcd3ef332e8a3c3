"""Prepared images are found again exactly where they would be the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import pytest
from PIL import Image

from gantool import DataError, Dataset, ImageShape
from gantool.data.prepare.fingerprint import Rendering, earlier_fingerprint, fingerprint
from gantool.data.prepare.preparing import prepare
from gantool.data.source import open_source
from gantool.launch.session import refuse_other_images
from gantool.recipe.schema import ImageTable
from gantool.runs.folder import RunFolder
from tests.data import icc

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
    for rendering in (Rendering(SHAPE, fit="pad"), Rendering(SHAPE, fit="pad", profiles="ignore")):
        assert earlier_fingerprint(source, rendering) == digest.hexdigest()
    assert earlier_fingerprint(source, Rendering(SHAPE)) != digest.hexdigest()


def test_images_whose_colors_were_converted_are_not_those_of_before(
    tree: Callable[[Path], Dataset], tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    picture = Image.effect_noise((16, 16), 60).convert("RGB")
    for name, profile in (("plain", None), ("adobe", icc.adobe_rgb())):
        picture.save(tmp_path / f"images/{name}.png", icc_profile=profile)
    dataset = tree(tmp_path / "images")
    mark = earlier_fingerprint(open_source(dataset), Rendering(SHAPE))
    converted = prepare(dataset, ImageTable(size=8))
    assert not converted.are(mark)
    with pytest.raises(DataError, match=r"--set image\.profiles=ignore"):
        refuse_other_images(converted, {"fingerprint": mark}, RunFolder(tmp_path), override=False)
    assert prepare(dataset, ImageTable(size=8, profiles="ignore")).are(mark)
    picture.save(tmp_path / "images/adobe.png")
    mark = earlier_fingerprint(open_source(dataset), Rendering(SHAPE))
    assert prepare(dataset, ImageTable(size=8)).are(mark)
