"""Which files are images by their names, and what is said of the others."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gantool import OtherFiles, is_image_name, open_image
from gantool.interfaces import dataset

pytestmark = pytest.mark.quick


@pytest.fixture(params=[True, False])
def heif(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether pillow-heif is said to be installed."""
    monkeypatch.setattr(dataset, "has_pillow_heif", lambda: request.param)
    return bool(request.param)


@pytest.mark.parametrize("name", ["a.jpg", "b.JPEG", "c.d.png", "закат.1.webp", "a/b.tiff"])
def test_images(name: str) -> None:
    assert is_image_name(name)


@pytest.mark.parametrize("name", [".jpg", ".a.jpg", "jpg", "a.jpg.part", "a.psd", "a.", ""])
def test_no_images(name: str) -> None:
    assert not is_image_name(name)


def test_photos_of_phones_are_images_where_they_can_be_read(heif: bool) -> None:
    assert {is_image_name(name) for name in ("IMG_1.HEIC", "a.heif", "a.hif")} == {heif}


def test_every_pillow_ending_of_a_format_that_is_read_counts() -> None:
    Image.init()
    common = {"JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "AVIF", "TGA", "MPO"}
    rare = {"bw", "dib", "icb", "pfm", "vda", "vst", "avifs"}
    endings = {end[1:] for end, kind in Image.EXTENSION.items() if kind in common}
    assert endings - rare <= dataset.SUFFIXES


def test_other_files_are_counted_with_the_way_out() -> None:
    paths = ["a/1.HEIC", "a/2.heic", "3.psd", "a.b/4", "5.txt", "6.txt", "7.TXT", ".DS_Store"]
    others = OtherFiles(paths)
    assert str(others) == (
        "2 .heic (pip install 'gantool[heic]' and they are read), "
        "1 without ending (name them after their format, as in photo.jpg), "
        "1 .psd (export them as PNG or JPEG), 3 .txt"
    )
    assert others.pictures() == str(others).removesuffix(", 3 .txt")
    assert (str(OtherFiles()), OtherFiles(["a.txt"]).pictures()) == ("", "")


def test_many_kinds_are_cut() -> None:
    others = OtherFiles([f"{number}.e{number}" for number in range(20)])
    assert str(others).endswith(", 12 others")


def test_heic_is_read_with_the_extra(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pixels = np.full((48, 64, 3), (200, 40, 90), np.uint8)
    path = tmp_path / "IMG_0001.HEIC"
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(path, quality=-1)
    for file in (path, io.BytesIO(path.read_bytes())):
        with open_image(file) as opened:
            assert (opened.size, opened.format) == ((64, 48), "HEIF")
            assert np.abs(np.asarray(opened.convert("RGB")).astype(int) - pixels).max() <= 3


def test_without_the_extra_heic_is_no_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dataset, "has_pillow_heif", lambda: False)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    with pytest.raises(OSError, match="cannot identify"):
        open_image(tmp_path / "a.heic")
