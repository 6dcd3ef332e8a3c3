from __future__ import annotations

import io
import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from gantool import DataError
from gantool.data.inspecting import Lengths, inspect
from gantool.recipe.schema import ImageTable
from tests.data import icc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gantool import Dataset

    Tree = Callable[[Path], Dataset]
    Draw = Callable[..., Image.Image]

TABLE = ImageTable(size=16)


def stored(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def patchwork(seed: int, width: int = 48, height: int = 32) -> Image.Image:
    patches = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), np.uint8)
    return Image.fromarray(patches).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture
def zoo(tmp_path: Path, png: Callable[..., bytes]) -> Path:
    """One file of every kind that people really have."""
    turned = Image.Exif()
    turned[0x0112] = 6
    good = stored(patchwork(0), "JPEG", quality=92)
    deep = Image.fromarray(np.arange(48 * 32, dtype=np.uint16).reshape(32, 48) * 40)
    frames = [patchwork(seed) for seed in (1, 2, 3)]
    moving = stored(frames[0], "GIF", save_all=True, append_images=frames[1:])
    files = {
        "animated.gif": moving,
        "animated, cut.gif": moving[: len(moving) * 2 // 5],
        "bomb.png": png(65000, 65000),
        "broken.png": stored(patchwork(4), "PNG")[:60] + bytes(4000),
        "deep color.png": png(40, 40, (b"\0" + bytes(range(240))) * 40, depth=16),
        "cmyk.jpg": stored(patchwork(5).convert("CMYK"), "JPEG"),
        "empty.jpg": b"",
        "float.tiff": stored(Image.fromarray(np.ones((20, 20), np.float32)), "TIFF"),
        "good.jpg": good,
        "good again.jpg": good,
        "gray.png": stored(patchwork(6).convert("L"), "PNG"),
        "html.jpg": b"<!DOCTYPE html><title>Not found</title>",
        "ink.png": stored(patchwork(7).convert("1"), "PNG"),
        "la.png": stored(patchwork(8).convert("LA"), "PNG"),
        "name\nof two lines.png": stored(patchwork(9), "PNG"),
        "Du\u0308rer.png": stored(patchwork(10), "PNG"),
        "one pixel.png": stored(Image.new("RGB", (1, 1), "red"), "PNG"),
        "palette.png": stored(patchwork(11).convert("P"), "PNG"),
        "see-through.png": stored(patchwork(12).convert("RGBA"), "PNG"),
        "sixteen.png": stored(deep, "PNG"),
        "slightly worse.jpg": stored(patchwork(0), "JPEG", quality=60),
        "strip.png": stored(patchwork(13).resize((1, 20000)), "PNG"),
        "text bomb.png": stored(patchwork(14), "PNG", pnginfo=_text_bomb()),
        "truncated.jpg": stored(patchwork(15), "JPEG", quality=95)[:1000],
        "turned.jpg": stored(patchwork(16), "JPEG", quality=95, exif=turned),
    }
    root = tmp_path / "zoo"
    root.mkdir()
    for name, content in files.items():
        (root / name).write_bytes(content)
    with open(os.path.join(os.fsencode(root), b"mojibake \xff.png"), "wb") as file:
        file.write(stored(patchwork(17), "PNG"))
    return root


def _text_bomb() -> PngImagePlugin.PngInfo:
    """A comment that is 100 MB long once decompressed."""
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * 100_000_000, zip=True)
    return info


UNUSABLE = {
    "bomb.png": ("larger than 89 megapixels", ""),
    "broken.png": ("corrupt", None),
    "empty.jpg": ("not an image", "empty file"),
    "float.tiff": ("32-bit values, whose range is not known", ""),
    "html.jpg": ("not an image", ""),
    "text bomb.png": ("corrupt", "Decompressed data too large for PngImagePlugin.MAX_TEXT_CHUNK"),
    "truncated.jpg": ("truncated", ""),
}
REMARKS = {
    ("animated", "animated.gif", "3 frames, of which the first is used"),
    ("near duplicate", "animated.gif", "of animated, cut.gif"),
    ("CMYK", "cmyk.jpg", "converted"),
    ("grayscale", "gray.png", "converted to color"),
    ("grayscale", "ink.png", "converted to color"),
    ("grayscale", "la.png", "converted to color"),
    ("transparent", "la.png", "laid on white"),
    ("too small", "one pixel.png", "1x1, enlarged to 16x16"),
    ("transparent", "see-through.png", "laid on white"),
    ("16-bit", "sixteen.png", "scaled to 8 bits"),
    ("16-bit", "deep color.png", "scaled to 8 bits"),
    ("too small", "strip.png", "1x20000, enlarged to 16x16"),
    ("rotated", "turned.jpg", "EXIF orientation 6, applied"),
    ("duplicate", "good.jpg", "of good again.jpg"),
    ("near duplicate", "slightly worse.jpg", "of good again.jpg"),
}


@pytest.mark.parametrize("workers", [1, 2])
def test_every_fault_in_the_zoo_is_named(tree: Tree, zoo: Path, workers: int) -> None:
    report = inspect(tree(zoo), TABLE, workers=workers)
    unusable = {f.name: (f.kind, f.detail) for f in report.findings if not f.used}
    assert unusable.keys() == UNUSABLE.keys()
    for name, (kind, detail) in UNUSABLE.items():
        assert unusable[name][0] == kind
        assert detail is None or unusable[name][1] == detail
    assert {(f.kind, f.name, f.detail) for f in report.findings if f.used} == REMARKS
    assert len(report.findings) == len(UNUSABLE) + len(REMARKS)
    assert report.files == 26
    assert report.usable == 26 - len(UNUSABLE)
    assert report.prepared is not None
    assert len(report.prepared) == report.usable
    assert "name\nof two lines.png" in report.prepared.names
    assert "mojibake \udcff.png" in report.prepared.names


def test_report_is_plain_data(tree: Tree, zoo: Path) -> None:
    report = inspect(tree(zoo), TABLE)
    document = json.loads(json.dumps(report.as_json()))
    assert document["files"] == 26
    assert document["counts"]["grayscale"] == 3
    assert sum(document["counts"].values()) == len(document["findings"])
    assert {"kind": "CMYK", "name": "cmyk.jpg", "detail": "converted", "used": True} in document[
        "findings"
    ]


def test_sizes_and_classes_are_counted(tree: Tree, tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 8
    sizes = {"a/1": (40, 20), "a/2": (50, 30), "b/1": (60, 70), "loose": (20, 20)}
    for name, size in sizes.items():
        path = tmp_path / "images" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        patchwork(len(name), *size).save(path, exif=turned if name == "b/1" else Image.Exif())
    (tmp_path / "images" / "b" / "bad.jpg").touch()
    calls: list[tuple[int, int]] = []
    report = inspect(tree(tmp_path / "images"), TABLE, progress=lambda *call: calls.append(call))
    assert report.classes == {"a": 2, "b": 1}
    assert report.unlabeled == 1
    assert report.width == Lengths(20, 45, 70)
    assert report.height == Lengths(20, 25, 60)
    assert calls == sorted(calls)
    assert calls[-1] == (10, 10)


def test_nothing_usable_is_still_a_report(tree: Tree, tmp_path: Path) -> None:
    root = tmp_path / "images"
    root.mkdir()
    with pytest.raises(DataError):
        inspect(tree(root), TABLE)
    (root / "x.jpg").write_bytes(b"no")
    report = inspect(tree(root), TABLE)
    assert (report.files, report.usable, report.prepared) == (1, 0, None)
    assert report.width is None
    assert report.counts() == {"not an image": 1}
    json.dumps(report.as_json())


def test_color_profiles_are_counted_and_conversions_named(tree: Tree, tmp_path: Path) -> None:
    profiles = {
        "adobe 1.jpg": icc.adobe_rgb("Adobe RGB (1998)"),
        "adobe 2.png": icc.adobe_rgb("Adobe RGB (1998)"),
        "broken.png": b"no profile",
        "gray in color.png": icc.gray(2.2),
        "srgb.png": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    }
    for seed, (name, content) in enumerate(profiles.items()):
        patchwork(seed).save(tmp_path / name, icc_profile=content)
    patchwork(9).save(tmp_path / "without.png")
    report = inspect(tree(tmp_path), TABLE)
    assert report.profiles == {
        "Adobe RGB (1998)": 2,
        "a gray": 1,
        "sRGB built-in": 1,
        "unnamed": 1,
    }
    remarked = {f.name: f.detail for f in report.findings if f.kind == "color profile"}
    assert remarked == {
        "adobe 1.jpg": "Adobe RGB (1998): converted to sRGB",
        "adobe 2.png": "Adobe RGB (1998): converted to sRGB",
        "broken.png": "unnamed: cannot be read, so left out",
        "gray in color.png": "a gray: not for RGB images, so left out",
    }
    ignoring = inspect(tree(tmp_path), ImageTable(size=16, profiles="ignore"))
    details = [f.detail for f in ignoring.findings if f.kind == "color profile"]
    assert details == [f"{detail.partition(':')[0]}: ignored" for detail in remarked.values()]
    assert json.loads(json.dumps(report.as_json()))["profiles"] == report.profiles


def test_squashing_most_pictures_is_a_warning(tree: Tree, tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    for seed in range(3):
        patchwork(seed, 32, 16).save(tmp_path / f"{seed}.jpg", exif=turned)
    (warning,) = inspect(tree(tmp_path), TABLE).warnings
    assert "100% of the pictures" in warning
    assert inspect(tree(tmp_path), ImageTable(size=(32, 16))).warnings == ()
    assert inspect(tree(tmp_path), ImageTable(size=16, fit="pad")).warnings == ()
