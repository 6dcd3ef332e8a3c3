"""Which files are decoded at all: formats by an explicit list, whatever a file is called."""

from __future__ import annotations

import ast
import io
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import EpsImagePlugin, Image

import gantool
import gantool_artworks
import gantool_folders
from gantool import DataError, Dataset, open_image
from gantool.data import inspecting
from gantool.data.prepare.preparing import prepare
from gantool.interfaces.dataset import FORMATS
from gantool.recipe.schema import ImageTable
from gantool_artworks.plugin import Artworks
from gantool_folders.plugin import Folder

if TYPE_CHECKING:
    from collections.abc import Callable

    Tree = Callable[..., Dataset]

SMALL = ImageTable(size=8)
POSTSCRIPT = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n"
    b"(any program) print\nshowpage\n"
)
PROGRAMS = ("gs", "djpeg", "convert", "magick")


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """Puts programs on the path that tell when they are started; returns what they told."""
    folder, log = tmp_path / "bin", tmp_path / "started.txt"
    folder.mkdir()
    for name in PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\necho {name} $@ >> '{log}'\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # looked for anew
    return lambda: log.read_text() if log.exists() else ""


def fill(folder: Path) -> Path:
    """Make a folder of pictures by two artists, one of them PostScript in disguise."""
    for number in range(4):
        path = folder / f"{'ab'[number % 2]}/{'ab'[number % 2]}_{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 16), (60 * number, 90, 200)).save(path)
    (folder / "a" / "a_9.jpg").write_bytes(POSTSCRIPT)
    return folder


def zipped(folder: Path) -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as file:
        for path in folder.glob("*/*"):
            file.write(path, path.relative_to(folder))
    return archive


DATASETS: dict[str, Callable[[Path, Tree], Dataset]] = {
    "folder": lambda root, tree: Folder(folder=root),
    "artworks": lambda root, tree: Artworks(folder=root),
    "archive": lambda root, tree: Artworks(folder=zipped(root)),
    "third party": lambda root, tree: tree(root),  # calls PIL.Image.open
    "third party that decodes": lambda root, tree: tree(root, eager=True),
}


@pytest.mark.parametrize("kind", DATASETS)
@pytest.mark.parametrize("workers", [None, 2])
def test_postscript_named_like_a_photo_starts_nothing(
    tmp_path: Path, tree: Tree, started: Callable[[], str], kind: str, workers: int | None
) -> None:
    with Image.open(io.BytesIO(POSTSCRIPT)) as image, pytest.raises(OSError):
        image.load()
    assert started().startswith("gs ")  # so it would be seen
    (tmp_path / "started.txt").unlink()
    dataset = DATASETS[kind](fill(tmp_path / "images"), tree)
    prepared = prepare(dataset, SMALL, workers=workers)
    assert [Path(image.name).name for image in prepared.skipped] == ["a_9.jpg"]
    found = inspecting.inspect(dataset, SMALL, workers=workers)
    assert [Path(file.name).name for file in found.findings if not file.used] == ["a_9.jpg"]
    assert found.usable == 4
    assert started() == ""


def test_folder_of_nothing_else_is_named(tmp_path: Path, started: Callable[[], str]) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "photo.jpg").write_bytes(POSTSCRIPT)
    with pytest.raises(DataError, match=r"photo.jpg: not an image"):
        prepare(Folder(folder=tmp_path / "images"), SMALL)
    assert started() == ""


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "TGA"])
def test_formats_of_pictures_are_read(kind: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (6, 4), (200, 100, 50)).save(file, kind)
    with open_image(file) as image:
        assert image.format == kind
        assert image.convert("RGB").size == (6, 4)


def test_no_other_format_of_pillow_is_read() -> None:
    """What Pillow can write, but pictures are not kept in."""
    Image.init()
    refused = []
    for kind in set(Image.SAVE) - {*FORMATS, "MPO"}:
        file = io.BytesIO()
        try:
            Image.new("L", (16, 16)).save(file, kind)
            Image.open(io.BytesIO(file.getvalue())).close()
        except Exception:  # it cannot be written in gray, or is never read
            continue
        refused.append(kind)
        with pytest.raises(OSError, match="cannot identify"):
            open_image(io.BytesIO(file.getvalue()))
    assert {"EPS", "ICO"} < set(refused)


def test_every_image_is_opened_by_a_list_of_formats() -> None:
    calls = 0
    for root in (gantool, gantool_folders, gantool_artworks):
        (place,) = root.__path__
        plugins = Path(place).parent if root is not gantool else Path(place)
        for path in plugins.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Image.open"):
                    calls += 1
                    named = {keyword.arg for keyword in node.keywords}
                    assert "formats" in named, f"{path}:{node.lineno}"
    assert calls >= 4
