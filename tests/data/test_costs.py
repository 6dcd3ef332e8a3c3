"""What one file may cost: a decoder that crashes, takes long or takes much costs one image."""

from __future__ import annotations

import io
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from gantool import Dataset, GantoolError, ImageShape, PluginError
from gantool.data import inspecting
from gantool.data.prepare.fingerprint import Rendering
from gantool.data.prepare.job import DecodingJob
from gantool.data.prepare.limits import Allowance, Limits, UnusableError, stated_size
from gantool.data.prepare.pool import Pool
from gantool.data.prepare.preparing import prepare
from gantool.recipe.schema import ImageTable
from gantool_folders.tree import open_tree
from tests import costly_images as costly

if TYPE_CHECKING:
    from collections.abc import Callable

    Tree = Callable[[Path], Dataset]
    Fill = Callable[[int], Path]
    Opened = Callable[[], list[str]]

SMALL = ImageTable(size=8)
RENDERING = Rendering(ImageShape(3, 8, 8))
SIDE = 4500
"""Of a square of 20 megapixels."""


@pytest.mark.parametrize("workers", [None, 1, 2])
@pytest.mark.parametrize("count", [1, 6, 70])  # below and above one chunk
@pytest.mark.parametrize("first", ["0 segfault.png", "z segfault.png"])
def test_decoder_that_crashes_costs_one_image(
    tree: Tree, folder: Fill, opened: Opened, workers: int | None, count: int, first: str
) -> None:
    root = folder(count)
    for name in (first, "b exit.png"):
        (root / name).write_bytes((root / "a" / "0000.png").read_bytes())
    prepared = prepare(tree(root), SMALL, workers=workers)
    assert {image.name for image in prepared.skipped} == {first, "b exit.png"}
    assert all("crashes its decoder" in image.reason for image in prepared.skipped)
    assert len(prepared) == count
    assert str(os.getpid()) not in {line.split()[0] for line in opened()}
    times = [line for line in opened() if "segfault" in line]
    assert len(times) <= 1  # nobody looks for it by trying


def test_images_are_looked_at_in_processes_of_their_own(
    tree: Tree, folder: Fill, opened: Opened
) -> None:
    root = folder(5)
    (root / "0 segfault.png").write_bytes(b"")
    for name in ("once.png", "twice.png"):  # these two are copies
        (root / name).write_bytes((root / "a" / "0000.png").read_bytes())
    found = inspecting.inspect(tree(root), SMALL)
    kinds = {finding.name: finding.kind for finding in reversed(found.findings)}
    assert "crashes its decoder" in kinds["0 segfault.png"]
    assert kinds["twice.png"] == "duplicate"
    assert kinds["once.png"] == "not looked at"  # crashes when it is opened again
    assert found.usable == 7
    assert found.width is not None
    assert found.width.least == 12
    assert str(os.getpid()) not in {line.split()[0] for line in opened()}


def test_source_of_this_program_alone_is_refused(folder: Fill) -> None:
    class Unpicklable(Dataset):
        """A dataset whose source no other process can have."""

        name = "unpicklable"
        root: Path

        def open(self, cache: Path) -> Any:
            source = open_tree(self.root, "auto")
            source.handle = lambda: None  # type: ignore[attr-defined]
            return source

    with pytest.raises(
        PluginError,
        match=r"images of dataset 'unpicklable' cannot be sent .*: (PicklingError|AttributeError)",
    ):
        prepare(Unpicklable(root=folder(3)), SMALL)


def test_source_whose_module_cannot_be_imported_is_refused(
    tree: Tree, folder: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = tree(folder(3))
    monkeypatch.setattr(sys, "path", [p for p in sys.path if not p.endswith("importable")])
    with pytest.raises(PluginError, match="No module named 'tree_source'"):
        prepare(dataset, SMALL)


def test_process_that_cannot_be_started_is_said(
    tree: Tree, folder: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(GantoolError, match="cannot start a process to decode images"):
        prepare(tree(folder(3)), SMALL)


COSTLY: dict[str, Callable[[], bytes]] = {
    "wide.png": lambda: costly.black_png(20_000_000, 1),
    "tall.png": lambda: costly.black_png(1, 20_000_000),
    "deep.png": lambda: costly.black_png(SIDE, SIDE, depth=16),
    "alpha.png": lambda: costly.black("PNG", SIDE, "LA", compress_level=1),
    "large.webp": lambda: costly.black("WEBP", SIDE, "RGB", lossless=True, quality=0, method=0),
    "large.tif": lambda: costly.black("TIFF", SIDE, "RGB", compression="tiff_lzw"),
    "large.jpg": lambda: costly.black("JPEG", SIDE, "RGB", progressive=True),
    "wide.gif": costly.wide_gif,
    "empty.gif": costly.empty_frames,
}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")
def test_small_file_takes_little_memory(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in COSTLY.items():
        (tmp_path / name).write_bytes(content())
    tree(tmp_path)  # makes the folder below importable
    from weighing import WeighingJob  # type: ignore[import-not-found]

    source = open_tree(tmp_path, "none")
    job = WeighingJob(source, RENDERING, None, Limits(seconds=30, megabytes=40))
    said = dict(Pool(job, 1).run((number, number + 1) for number in range(len(source))))
    assert len(said) == len(COSTLY)
    for (number, _), [(skips, megabytes)] in said.items():
        name = source.name(number)
        assert megabytes < 80, name  # an empty process holds 33
        if name != "empty.gif":
            ((_, reason),) = skips
            assert re.fullmatch(r"takes more than \d+ MB to decode", reason), name


def test_large_file_may_take_more(tmp_path: Path) -> None:
    """A photo of 12 megapixels is used as it was, a file that says little is not."""
    for name, size in (("little.png", 4000), ("much.png", 4000)):
        content = costly.black_png(size, size)
        padding = 2_000_000 if name == "much.png" else 0
        (tmp_path / name).write_bytes(content + bytes(padding))
    job = DecodingJob(open_tree(tmp_path, "none"), RENDERING, None, Limits(5, 40, 150))
    ((_, skips),) = Pool(job, 1).run(iter([(0, 2)]))
    assert skips == []
    tight = DecodingJob(open_tree(tmp_path, "none"), RENDERING, None, Limits(5, 12, 150))
    ((_, skips),) = Pool(tight, 1).run(iter([(0, 2)]))
    assert skips == [[0, "takes more than 12 MB to decode"]]


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
def test_size_of_webp_is_known_before_it_is_opened(options: dict[str, Any]) -> None:
    file = io.BytesIO()
    Image.new("RGB", (301, 77), (9, 99, 200)).save(file, "WEBP", **options)
    assert stated_size(file.getvalue()[:30]) == (301, 77)
    assert stated_size(b"RIFF") == (0, 0)


def test_header_alone_tells_where_the_system_does_not(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(costly.black_png(2000, 2000))
    allowance = Allowance(Limits(megabytes=1, per_byte=2))
    with Image.open(tmp_path / "large.png") as image:
        with pytest.raises(UnusableError, match="takes more than 1 MB"):
            allowance.suit(image, 5000)
        assert allowance.size == 1e6
    Allowance(Limits()).lift()


SLOW: dict[str, Callable[[], bytes]] = {
    "ascii.ppm": lambda: b"P3 1000 1000 255 " + b"0 " * 3_000_000,
    "comment.ppm": lambda: b"P6\n#" + b"a" * 3_000_000 + b"\n 2 2 255\n" + bytes(12),
    "scans.jpg": lambda: costly.many_scans(3000, 400),
}


@pytest.mark.skipif(sys.platform == "win32", reason="has no timer of processor time")
def test_slow_file_costs_itself(tmp_path: Path, folder: Fill) -> None:
    root = folder(6)
    for name, content in SLOW.items():
        (root / name).write_bytes(content())
    job = DecodingJob(open_tree(root, "none"), RENDERING, None, Limits(seconds=0.2))
    ((_, skips),) = Pool(job, 1).run(iter([(0, 6 + len(SLOW))]))
    names = {job.source.name(number): reason for number, reason in skips}
    assert names == dict.fromkeys(SLOW, "takes more than 0.2 seconds to decode")
