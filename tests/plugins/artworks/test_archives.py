"""Zip files, whole and hostile; galleries in other threads and processes."""

from __future__ import annotations

import os
import pickle
import stat
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from gantool import DataError, ImageSource
from gantool_artworks import archive as archives
from gantool_artworks.archive import directory_size
from gantool_artworks.plugin import Artworks

pytestmark = pytest.mark.quick

Zipped = Callable[[Path], Path]
Jpeg = Callable[..., bytes]


def opened(path: Path) -> ImageSource:
    return Artworks(folder=path).open(path)


def names(source: ImageSource) -> list[str]:
    return [source.name(index) for index in range(len(source))]


def colors(source: ImageSource) -> list[object]:
    found: list[object] = []
    for index in range(len(source)):
        with source.image(index) as image:
            found.append(image.getpixel((0, 0)))
    return found


def test_stamps_are_sizes_and_checksums(kaggle: Path, zipped: Zipped) -> None:
    source = opened(zipped(kaggle))
    with ZipFile(zipped(kaggle)) as file:
        entries = [file.getinfo(name) for name in names(source)]
    assert [source.stamp(i) for i in range(5)] == [(e.file_size, e.CRC) for e in entries]


def test_a_file_cut_off_anywhere_is_a_data_error(kaggle: Path, zipped: Zipped) -> None:
    path = zipped(kaggle)
    content = path.read_bytes()
    for part in range(32):
        path.write_bytes(content[: len(content) * part // 32])
        with pytest.raises(DataError, match="no whole zip file"):
            opened(path)
    path.write_bytes(content[:-1])
    with pytest.raises(DataError, match="no whole zip file"):
        opened(path)


def test_a_named_file_that_is_no_zip_file_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<html>Sign in</html>", encoding="utf-8")
    with pytest.raises(DataError, match="no whole zip file"):
        opened(tmp_path / "page.html")


def test_a_damaged_entry_is_an_error_of_that_image_alone(kaggle: Path, zipped: Zipped) -> None:
    path = zipped(kaggle)
    content = bytearray(path.read_bytes())
    at = content.index((kaggle / "images/images/Claude_Monet/Claude_Monet_2.jpg").read_bytes())
    content[at + 200] ^= 1
    path.write_bytes(content)
    source = opened(path)
    with pytest.raises(OSError, match="Bad CRC-32"):
        source.image(1)
    assert source.image(2).size == (24, 16)


def test_only_plain_visible_files_are_listed(
    tmp_path: Path, jpeg: Jpeg, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(archives, "LARGEST_IMAGE", 10_000)
    link = ZipInfo("A/link_1.jpg")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with ZipFile(tmp_path / "odd.zip", "w", ZIP_DEFLATED) as file:
        file.writestr("A/", b"")
        file.writestr("A/folder.jpg/", b"")
        file.writestr(link, b"/etc/passwd")
        file.writestr("__MACOSX/A/a_1.jpg", jpeg(1))
        file.writestr("A/._a_1.jpg", jpeg(1))
        file.writestr("../B/outside_1.jpg", jpeg(2))
        file.writestr("A/huge_1.jpg", bytes(20_000))
        file.writestr("A/good_1.jpg", jpeg(3))
        file.writestr("B/good_1.jpg", jpeg(4))
    before = sorted(tmp_path.rglob("*"))
    source = opened(tmp_path / "odd.zip")
    assert names(source) == ["A/good_1.jpg", "B/good_1.jpg"]
    assert len(colors(source)) == 2
    assert "A/huge_1.jpg claims 20000 bytes" in caplog.text
    assert sorted(tmp_path.rglob("*")) == before


def test_an_entry_that_lies_about_its_size_is_an_error(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "lie.zip", "w", ZIP_DEFLATED) as file:
        file.writestr("A/bomb_1.jpg", bytes(50_000_000))
        file.writestr("B/bomb_1.jpg", bytes(10))
    content = (tmp_path / "lie.zip").read_bytes()
    honest = struct.pack("<L", 50_000_000)
    (tmp_path / "lie.zip").write_bytes(content.replace(honest, struct.pack("<L", 1000)))
    source = opened(tmp_path / "lie.zip")
    tracemalloc.start()
    with pytest.raises(OSError, match="Bad CRC-32"):
        source.image(0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_absurd_directories_are_refused_before_they_are_read(
    kaggle: Path, zipped: Zipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(kaggle)
    size = directory_size(path)
    with ZipFile(path) as file:
        assert size == sum(46 + len(e.filename) + len(e.extra) for e in file.infolist())
    monkeypatch.setattr(archives, "LARGEST_DIRECTORY", size - 1)
    monkeypatch.setattr(archives, "ZipFile", None)  # would fail if it were used
    with pytest.raises(DataError, match="more than 200,000 files"):
        opened(path)


def test_too_many_entries_are_refused(
    kaggle: Path, zipped: Zipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_ENTRIES", 10)
    with pytest.raises(DataError, match="more than 10 files"):
        opened(zipped(kaggle))


def test_the_size_of_a_64_bit_directory_is_read(tmp_path: Path) -> None:
    """The records of APPNOTE 4.3.14 to 4.3.16, written by hand."""
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 7, 7, 5_000_000_000, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1)
    last = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    (tmp_path / "large.zip").write_bytes(bytes(100) + record + locator + last)
    assert directory_size(tmp_path / "large.zip") == 5_000_000_000
    with pytest.raises(DataError, match="more than"):
        opened(tmp_path / "large.zip")


@pytest.mark.parametrize("packed", [False, True])
def test_a_pickled_gallery_reads_the_same(kaggle: Path, zipped: Zipped, packed: bool) -> None:
    source = opened(zipped(kaggle) if packed else kaggle)
    expected = colors(source)  # opens the zip file, whose handle must not be pickled
    copy = pickle.loads(pickle.dumps(source))
    assert colors(copy) == expected
    assert [copy.stamp(i) for i in range(5)] == [source.stamp(i) for i in range(5)]
    assert (copy.classes, names(copy)) == (source.classes, names(source))


def test_threads_may_share_a_zip_file(kaggle: Path, zipped: Zipped) -> None:
    source = opened(zipped(kaggle))
    expected = colors(opened(zipped(kaggle)))
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: colors(source), range(40)))
    assert got == [expected] * 40


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_processes_open_the_zip_file_again(kaggle: Path, zipped: Zipped) -> None:
    script = f"""
import os, sys
from pathlib import Path
from gantool_artworks.plugin import Artworks
source = Artworks(folder=Path({str(zipped(kaggle))!r})).open(Path("cache"))
def colors():
    return [source.image(i).getpixel((0, 0)) for i in range(5)]
expected = colors()
children = []
for _ in range(4):
    if (child := os.fork()) == 0:
        same = [colors() == expected for _ in range(50)]
        os._exit(0 if all(same) else 1)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
