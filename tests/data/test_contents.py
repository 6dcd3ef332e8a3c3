"""Images are known by what their files hold, and prepared pixels by every bit."""

from __future__ import annotations

import logging
import os
import random
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from gantool import DataError, Dataset
from gantool.data.prepare.fingerprint import earlier_fingerprint, rendering_of
from gantool.data.prepare.job import DecodingJob
from gantool.data.prepare.prepared import ARRAYS, MANIFEST, open_prepared
from gantool.data.prepare.preparing import prepare, prepared_before
from gantool.data.prepare.unfinished import JOURNAL, Unfinished
from gantool.data.source import open_source
from gantool.launch.session import refuse_other_images
from gantool.recipe.schema import ImageTable
from gantool_artworks.plugin import Artworks
from gantool_folders.plugin import Folder

if TYPE_CHECKING:
    from collections.abc import Callable

    Fill = Callable[[int], Path]

SMALL = ImageTable(size=8)
RUN: Any = SimpleNamespace(path="runs/one")
MUTATIONS = 500


def plain(root: Path) -> Dataset:
    return Folder(folder=root)


def artworks(root: Path) -> Dataset:
    return Artworks(folder=root)


def touched(root: Path) -> Path:
    for path in root.rglob("*.png"):
        os.utime(path)
    return root


def copied(root: Path) -> Path:
    return Path(shutil.copytree(root, root.with_name("copy"), copy_function=shutil.copyfile))


@pytest.mark.parametrize("dataset", [plain, artworks])
@pytest.mark.parametrize("change", [touched, copied])
def test_equal_bytes_are_the_same_images(
    folder: Fill, dataset: Callable[[Path], Dataset], change: Callable[[Path], Path]
) -> None:
    root = folder(6)
    before = prepare(dataset(root), SMALL)
    after = prepare(dataset(change(root)), SMALL)
    assert after.fingerprint == before.fingerprint
    refuse_other_images(after, {"fingerprint": before.fingerprint}, RUN, override=False)


def repainted(path: Path) -> None:
    """Change a picture, and neither its name, its size in bytes nor its time."""
    status = path.stat()
    with Image.open(path) as image:
        pixels = np.asarray(image)
    for shift in range(1, 256):
        Image.fromarray(pixels + np.uint8(shift)).save(path, compress_level=0)
        if path.stat().st_size == status.st_size:
            break
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (status.st_size, status.st_mtime_ns)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no time of change")
@pytest.mark.parametrize("dataset", [plain, artworks])
def test_other_pixels_of_the_same_name_size_and_time_are_other_images(
    folder: Fill, dataset: Callable[[Path], Dataset]
) -> None:
    root = folder(4)
    path = root / "a" / "0000.png"
    with Image.open(path) as image:
        image.save(path, compress_level=0)
    before = prepare(dataset(root), SMALL)
    first = before.images[0].copy()
    repainted(path)
    after = prepare(dataset(root), SMALL)
    assert not np.array_equal(after.images[0], first)
    assert after.fingerprint != before.fingerprint
    with pytest.raises(DataError, match="the images have changed since runs/one was started"):
        refuse_other_images(after, {"fingerprint": before.fingerprint}, RUN, override=False)


def test_runs_from_before_contents_counted_go_on(folder: Fill) -> None:
    root = folder(4)
    mark = earlier_fingerprint(open_source(plain(root)), rendering_of(SMALL))
    prepared = prepare(plain(root), SMALL)
    assert mark != prepared.fingerprint
    refuse_other_images(prepared, {"fingerprint": mark}, RUN, override=False)
    for name in (mark, prepared.fingerprint):
        found = prepared_before("folder", SMALL, name)
        assert found is not None
        assert found.folder == prepared.folder
    assert prepared_before("folder", SMALL, mark[::-1]) is None
    with pytest.raises(DataError):
        refuse_other_images(prepared, {}, RUN, override=False)


@pytest.mark.parametrize("name", ARRAYS)
def test_flipped_bit_is_found_and_mended(
    folder: Fill, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    dataset = plain(folder(6))
    prepared = prepare(dataset, SMALL)
    whole = {each: (prepared.folder / each).read_bytes() for each in ARRAYS}
    content = bytearray(whole[name])
    content[-3] ^= 1
    (prepared.folder / name).write_bytes(content)
    with caplog.at_level(logging.WARNING, "gantool.data"):
        again = prepare(dataset, SMALL)
    assert "are damaged" in caplog.text
    assert {each: (again.folder / each).read_bytes() for each in ARRAYS} == whole
    assert again.fingerprint == prepared.fingerprint


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Change some bytes, or put something else in the place of a value."""
    if chance.random() < 0.5:
        damaged = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        return bytes(damaged)
    start = chance.randrange(len(content))
    stop = min(len(content), start + chance.randrange(30))
    odd = [b"null", b"[]", b"{}", b"-1", b"1e308", b"9" * 25, b'"\\ud800"', b"[" * 2000, b"true"]
    return content[:start] + chance.choice(odd) + content[stop:]


def test_no_manifest_does_harm(folder: Fill) -> None:
    prepared, chance = prepare(plain(folder(3)), SMALL), random.Random(7)
    manifest = prepared.folder / MANIFEST
    whole, opened = manifest.read_bytes(), 0
    for _ in range(MUTATIONS):
        manifest.write_bytes(mutated(whole, chance))
        found = open_prepared(prepared.folder, prepared.fingerprint)
        opened += found is not None
        assert found is None or np.array_equal(found.images, prepared.images)
    assert opened < MUTATIONS / 2


def test_no_journal_does_harm(folder: Fill, tmp_path: Path) -> None:
    source, chance = open_source(plain(folder(3))), random.Random(7)
    job = DecodingJob(source, rendering_of(SMALL), tmp_path / "unfinished")
    Unfinished(job, 3)
    believed = set()
    for _ in range(MUTATIONS):
        journal = b'\n{"chunk": [0, 3], "skips": [[1, "not an image"]]}\n'
        (tmp_path / "unfinished" / JOURNAL).write_bytes(mutated(journal, chance))
        found = Unfinished(job, 3)
        believed.add((found.images_done, len(found.skipped)))
    assert (0, 0) in believed
    assert believed <= {(0, 0), (3, 0), (3, 1)}
