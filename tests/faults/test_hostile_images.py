"""Images of every odd kind, and archives that climb out or blow up: used, or named and left out."""

from __future__ import annotations

import io
import os
import resource
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import gantool
from tests import costly_images as costly

if TYPE_CHECKING:
    from tests.faults.conftest import Fork, Publish, Recipe

MEGABYTE = 2**20
USED = ""
LARGE = "larger than 89 megapixels"
NOT_AN_IMAGE = "not an image"
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
EVIL = "evil_gantool_1.jpg"
"""A file that would appear outside if an entry climbed out."""


def pixels(width: int = 24, height: int = 20) -> Image.Image:
    return Image.fromarray(
        np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    )


def saved(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    (image or pixels()).save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, *chunks: bytes, depth: int = 8) -> bytes:
    """Return a PNG file whose header says what it likes."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def sixteen_bits() -> bytes:
    rows = (b"\0" + struct.pack(">HHH", 65535, 25700, 0) * 4) * 4
    return png(4, 4, chunk(b"IDAT", zlib.compress(rows)), depth=16)


def text_bomb() -> bytes:
    """Return a PNG whose comment unpacks to 200 MB."""
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200 * MEGABYTE)))
    return png(4, 4, text, chunk(b"IDAT", zlib.compress(b"\0" * 13 * 4)))


def jpeg_of(width: int, height: int) -> bytes:
    """Return a JPEG whose header claims another size."""
    data, frame = bytearray(saved("JPEG")), saved("JPEG").index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def icon(inner: bytes) -> bytes:
    """Return an icon that says 16x16 and holds another picture."""
    return struct.pack("<HHH BBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


def looping_tiff() -> bytes:
    """Return a TIFF whose second directory is its first."""
    data = bytearray(saved("TIFF"))
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * count, at)
    return bytes(data)


def zeroed(data: bytes, at: int, count: int) -> bytes:
    return data[:at] + bytes(count) + data[at + count :]


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


FILES: dict[str, tuple[bytes, str]] = {
    "empty.jpg": (b"", NOT_AN_IMAGE),
    "page.jpg": (b"<!DOCTYPE html><html><body>404</body></html>", NOT_AN_IMAGE),
    "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", NOT_AN_IMAGE),
    "noise.png": (bytes(range(256)) * 8, NOT_AN_IMAGE),
    "half.jpg": (saved("JPEG", pixels(64, 64))[:900], "truncated"),
    "half.png": (saved("PNG", pixels(64, 64))[:-2000], "truncated"),
    "half.webp": (saved("WEBP", pixels(64, 64))[:-300], "corrupt"),
    "broken.png": (zeroed(saved("PNG", pixels(64, 64)), 45, 15), "corrupt"),
    "large.png": (png(9500, 9500), LARGE),
    "vast.png": (png(65000, 65000), LARGE),
    "claims.jpg": (jpeg_of(65500, 65500), LARGE),
    "icon.png": (icon(png(9500, 9500)), NOT_AN_IMAGE),
    "postscript.jpg": (POSTSCRIPT, NOT_AN_IMAGE),
    "comment.png": (text_bomb(), "corrupt"),
    "values.tiff": (saved("TIFF", Image.new("F", (4, 4))), "32-bit values"),
    "loop.tiff": (looping_tiff(), USED),
    "wrong-name.jpg": (saved("PNG"), USED),
    "cmyk.jpg": (saved("JPEG", Image.new("CMYK", (16, 16))), USED),
    "gray-alpha.png": (saved("PNG", Image.new("LA", (9, 9), (77, 128))), USED),
    "palette.png": (saved("PNG", pixels().convert("P")), USED),
    "bits.png": (saved("PNG", Image.new("1", (9, 9))), USED),
    "deep.png": (sixteen_bits(), USED),
    "turned.jpg": (saved("JPEG", exif=turned()), USED),
    "exif.jpg": (saved("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff nonsense"), USED),
    "moving.gif": (saved("GIF", save_all=True, append_images=[pixels(10)]), USED),
    "dot.png": (saved("PNG", pixels(1, 1)), USED),
    "line.png": (saved("PNG", Image.new("RGB", (1, 20_000))), USED),
    "two\nlines.png": (saved("PNG"), USED),
    "\x1b[2Jscreen.png": (b"", NOT_AN_IMAGE),
    os.fsdecode(b"\xff\xfe mojibake.png"): (saved("PNG"), USED),
    "cafe\u0301.png": (saved("PNG"), USED),  # as macOS writes it
    "caf\u00e9.png": (saved("PNG"), USED),
    "n" * 250 + ".png": (saved("PNG"), USED),
    "<script>alert(1)<\u2044script>.png": (saved("PNG"), USED),
}


COSTLY: dict[str, tuple[Callable[[], bytes], str]] = {
    "screen.gif": (costly.wide_gif, "truncated"),
    "frames.gif": (costly.empty_frames, "corrupt"),
    "wide.png": (lambda: costly.black_png(80_000_000, 1), "takes more than 160 MB to decode"),
    "black.webp": (lambda: costly.black("WEBP", 9400, "L"), "takes more than 160 MB to decode"),
}
"""Small files that would take gigabytes."""
SLOW: dict[str, tuple[Callable[[], bytes], str]] = {
    "scans.jpg": (lambda: costly.many_scans(6000, 1000), "takes more than 5 seconds to decode"),
    "text.ppm": (lambda: b"P3 4000 4000 255 " + b"0 " * 48_000_000, "takes more than 5 seconds"),
    "remark.ppm": (
        lambda: b"P6\n#" + b"a" * 80_000_000 + b"\n 2 2 255\n" + bytes(12),
        "takes more than 5 seconds",
    ),
}
"""Files that would take minutes."""


def write_zoo(folder: Path) -> None:
    """Write every kind; links, a pipe and a folder besides."""
    folder.mkdir()
    for name, (content, _) in FILES.items():
        (folder / name).write_bytes(content)
    (folder / "round.png").symlink_to(folder / "about.png")
    (folder / "about.png").symlink_to(folder / "round.png")
    (folder / "passwd.jpg").symlink_to("/etc/passwd")
    (folder / "above").symlink_to(folder.parent, target_is_directory=True)
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")


def most_memory() -> int:
    """Return the most bytes that this process, or one that it has started, has ever held."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(each).ru_maxrss for each in whose) * 1024


@pytest.fixture
def trained(recipe: Recipe, fork: Fork, tmp_path: Path) -> Callable[..., tuple[int, str, int]]:
    """Return what trains on a dataset: exit code, what was said, and the most memory taken."""

    def train(run: Path, **dataset: object) -> tuple[int, str, int]:
        file = recipe(dataset=dataset, training={"steps": 1, "batch_size": 6})
        memory = tmp_path / "memory"

        def work() -> None:
            try:
                gantool.run(file, out=run, level="quiet")
            finally:
                memory.write_text(str(most_memory()))

        victim = fork(work)
        code = victim.wait()
        return code, victim.output.read_text(errors="replace"), int(memory.read_text())

    return train


def test_odd_images_are_used_or_named(
    trained: Callable[..., tuple[int, str, int]],
    gallery: Path,
    publish: Publish,
    full: bool,
    tmp_path: Path,
) -> None:
    zoo, run = tmp_path / "zoo", tmp_path / "run"
    write_zoo(zoo)
    large = COSTLY | (SLOW if full else {})
    for name, (make, _) in large.items():
        (zoo / name).write_bytes(make())
    _, _, usual = trained(tmp_path / "usual", use="folder", folder=str(gallery))
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(zoo)}
    code, said, most = trained(run, use="folder", folder=str(zoo), labels="none")
    assert code == 0, said
    lines = (run / "skipped.tsv").read_text(encoding="utf-8").splitlines()
    skipped = dict(line.split("\t") for line in lines)
    expected = {name: reason for name, (_, reason) in FILES.items() if reason}
    expected |= {name: reason for name, (_, reason) in large.items() if reason}
    expected["\\x1b[2Jscreen.png"] = expected.pop("\x1b[2Jscreen.png")
    for name, reason in expected.items():
        assert skipped.pop(name).startswith(reason), name
    assert skipped.pop("passwd.jpg") == NOT_AN_IMAGE
    assert skipped == {}
    after = {path for path in tmp_path.rglob("*") if not path.is_relative_to(zoo)}
    assert not [path for path in after - before if not path.is_relative_to(run)]
    growth = max(0, most - usual) / MEGABYTE
    assert growth < 100
    alone = tmp_path / "alone"
    alone.mkdir()
    for name, (content, reason) in FILES.items():
        if reason:
            (alone / name).write_bytes(content)
    code, said, _ = trained(tmp_path / "none", use="folder", folder=str(alone))
    assert code == 3, said
    publish(
        "7f",
        f"{len(FILES) + len(large) + 5} kinds of odd images, links and pipes in a folder",
        f"{len(expected) + 1} named and left out, the others used, exit 0; exit 3 when "
        f"none is left; 0 files outside the run, memory grew {growth:.0f} MB",
    )


def link_to(target: str, name: str) -> tuple[zipfile.ZipInfo, bytes]:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry, target.encode()


def device(name: str) -> tuple[zipfile.ZipInfo, bytes]:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFCHR | 0o666) << 16
    return entry, b""


def crowded(count: int) -> bytes:
    """Return a zip file whose directory has very many entries, all of the same nothing."""
    name = b"A/a_1.jpg"
    entry = struct.pack(
        "<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0
    )
    directory = (entry + name) * count
    end = struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, len(directory), 0, 0
    )
    return directory + end


def write_archive(path: Path, kind: str) -> None:
    """Write an archive of eight good pictures, and one thing that is not."""
    good = [saved("JPEG", pixels(20 + number)) for number in range(8)]
    evil: dict[str, list[tuple[str | zipfile.ZipInfo, bytes]]] = {
        "upward": [(f"../{EVIL}", good[0]), (f"A/../../{EVIL}", good[0])],
        "absolute": [(f"/{EVIL}", good[0]), (f"/tmp/{EVIL}", good[0])],
        "of Windows": [(f"C:\\{EVIL}", good[0]), (f"..\\{EVIL}", good[0])],
        "a link": [link_to("/etc/passwd", "A/link_1.jpg"), link_to("..", "A/up")],
        "a device": [device("A/zero_1.jpg")],
        "names that differ in case": [("a/A_1.JPG", good[1]), ("A/a_1.JPG", good[2])],
        "an archive inside": [("A/inner_1.jpg", b"PK\3\4 and no picture")],
        "1 GB of zeros": [],
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for number, content in enumerate(good):
            file.writestr(f"{'AB'[number % 2]}/good_{number}.jpg", content)
        for entry, content in evil[kind]:
            file.writestr(entry, content)
        if kind == "1 GB of zeros":
            with file.open("B/bomb_1.jpg", "w") as zeros:
                for _ in range(64):
                    zeros.write(bytes(16 * MEGABYTE))


KINDS = (
    "upward",
    "absolute",
    "of Windows",
    "a link",
    "a device",
    "names that differ in case",
    "an archive inside",
)


def test_archives_stay_where_they_are(
    trained: Callable[..., tuple[int, str, int]],
    recipe: Recipe,
    publish: Publish,
    full: bool,
    tmp_path: Path,
) -> None:
    kinds = (*KINDS, "1 GB of zeros") if full else KINDS[:2]
    archives = tmp_path / "archives"
    archives.mkdir()
    most = usual = 0
    for number, kind in enumerate(kinds):
        write_archive(archives / f"{number}.zip", kind)
    (archives / "crowded.zip").write_bytes(crowded(10**6 if full else 210_000))
    (archives / "cut.zip").write_bytes((archives / "0.zip").read_bytes()[:-300])
    for number, kind in enumerate(kinds):
        run = tmp_path / f"run-{number}"
        before = set(tmp_path.rglob("*"))
        code, said, held = trained(run, use="artworks", folder=str(archives / f"{number}.zip"))
        assert code == 0, (kind, said)
        new = [path for path in set(tmp_path.rglob("*")) - before if not path.is_relative_to(run)]
        assert {path.name for path in new} <= {"memory", "victim.txt", "small.toml"}
        usual, most = usual or held, max(most, held)
    for name in ("crowded", "cut"):
        place = str(archives / f"{name}.zip")
        code, said, held = trained(tmp_path / name, use="artworks", folder=place)
        assert code == 3, (name, said)
        most = max(most, held)
    outside = [Path("/"), Path("/tmp"), Path.cwd(), *tmp_path.parents, tmp_path, archives]
    assert not [folder for folder in outside if (folder / EVIL).exists()]
    growth = (most - usual) / MEGABYTE
    assert growth < 100
    publish(
        "7g",
        f"{len(kinds) + 2} archives: {', '.join(kinds)}, a million entries, cut off",
        f"0 files outside; exit 0 without what is no picture, exit 3 for the last two; "
        f"memory grew {growth:.0f} MB",
    )
