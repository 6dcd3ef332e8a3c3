"""Any tree of images: what is found, in which order, under which labels."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError

from gantool import DataError, ImageSource, ListsOtherFiles
from gantool.data.prepare.preparing import prepare
from gantool.interfaces import dataset
from gantool.recipe.schema import ImageTable
from gantool_folders.plugin import Folder

pytestmark = pytest.mark.quick

PAINTINGS = Path(__file__).parents[4] / "shared/data/paintings"


def tree(root: Path, files: Iterable[str]) -> Path:
    for number, name in enumerate(files):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8 + number, 8), (number, 0, 0)).save(path, "PNG")
    return root


def opened(folder: Path, **options: object) -> ImageSource:
    return Folder.model_validate({"folder": folder, **options}).open(folder / "unused")


def names(source: ImageSource) -> list[str]:
    return [source.name(index) for index in range(len(source))]


def labels(source: ImageSource) -> list[int | None]:
    return [source.label(index) for index in range(len(source))]


def test_images_are_found_at_any_depth_in_one_order(tmp_path: Path) -> None:
    files = ["b/2.png", "b/10.JPG", "a/deep/er/1.webp", "a/x.tiff", "b.png"]
    source = opened(tree(tmp_path, files))
    assert names(source) == ["b.png", "a/x.tiff", "a/deep/er/1.webp", "b/10.JPG", "b/2.png"]
    with source.image(2) as image:
        assert image.size == (10, 8)


def test_everything_else_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tree(tmp_path, ["a/1.png", "a/.2.png", ".cache/3.png", "a/notes.txt", "a/4.png.part", "a/png"])
    (tmp_path / "a/loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a/linked.png").symlink_to(tmp_path / "a/1.png")
    (tmp_path / "a/broken.png").symlink_to(tmp_path / "nothing.png")
    (tmp_path / "a/circle.png").symlink_to(tmp_path / "a/circle.png")
    (tmp_path / "a/folder.png").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "a/pipe.png")  # opening it would wait for ever
    assert names(opened(tmp_path)) == ["a/1.png", "a/linked.png"]
    assert "loop is a link to a folder" in caplog.text
    assert "circle.png is a link that leads nowhere" in caplog.text


@pytest.mark.parametrize(
    ("files", "option", "classes", "expected"),
    [
        (["cat/1.png", "dog/2.png", "dog/old/3.png"], "auto", ("cat", "dog"), [0, 1, 1]),
        (["cat/1.png", "dog/2.png"], "none", (), [None, None]),
        (["0.png", "cat/1.png", "dog/2.png"], "auto", (), [None, None, None]),
        (["0.png", "cat/1.png", "dog/2.png"], "folders", ("cat", "dog"), [None, 0, 1]),
        (["img/1.png", "img/2.png"], "auto", (), [None, None]),
        (["img/1.png", "img/2.png"], "folders", ("img",), [0, 0]),
        (["1.png"], "folders", (), [None]),
    ],
)
def test_labels(
    tmp_path: Path,
    files: list[str],
    option: str,
    classes: tuple[str, ...],
    expected: list[int | None],
) -> None:
    source = opened(tree(tmp_path, files), labels=option)
    assert source.classes == classes
    assert labels(source) == expected


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"nowhere of dataset 'folder' does not exist\n.*--set data"
    ):
        opened(tmp_path / "nowhere")
    (tmp_path / "set.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"set\.zip of dataset 'folder' is a file"):
        opened(tmp_path / "set.zip")


def test_a_folder_without_images_says_what_is_there_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "has_pillow_heif", lambda: False)
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match=r"no images in .*\nit is empty"):
        opened(tmp_path)
    for name in ("notes.txt", "a/scan.PDF", "a/1.HEIC", "a/2.heic"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match="no images in") as error:
        opened(tmp_path)
    assert str(tmp_path) in error.value.message
    assert "2 .heic (pip install 'gantool[heic]'" in str(error.value.hint)
    assert "1 .pdf (extract their images), 1 .txt" in str(error.value.hint)


def test_other_files_are_listed_and_those_that_may_be_pictures_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tree(tmp_path, ["a/1.png"])
    for name in ("a/notes.txt", "b.psd", "a/c.psd", "a/photo", ".hidden.psd"):
        (tmp_path / name).touch()
    source = opened(tmp_path)
    assert isinstance(source, ListsOtherFiles)
    assert source.other_files() == ["a/c.psd", "a/notes.txt", "a/photo", "b.psd"]
    assert "2 .psd (export them as PNG or JPEG), 1 without ending" in caplog.text
    assert "txt" not in caplog.text
    assert names(pickle.loads(pickle.dumps(source))) == ["a/1.png"]


def test_the_folder_is_required() -> None:
    with pytest.raises(ValidationError, match="folder"):
        Folder.model_validate_json("{}")


def test_options_as_a_recipe_says_them(tmp_path: Path) -> None:
    tree(tmp_path, ["cat/1.png", "dog/2.png"])
    said = json.dumps({"folder": str(tmp_path), "labels": "none"})
    assert Folder.model_validate_json(said).open(tmp_path).classes == ()


def test_stamps_are_sizes_and_times(tmp_path: Path) -> None:
    source = opened(tree(tmp_path, ["a/1.png", "2.png"]))
    for index in range(2):
        status = (tmp_path / source.name(index)).stat()
        assert source.stamp(index) == (status.st_size, status.st_mtime_ns)


def test_a_pickled_source_reads_the_same(tmp_path: Path) -> None:
    source = opened(tree(tmp_path, ["cat/1.png", "dog/2.png"]))
    copy = pickle.loads(pickle.dumps(source))
    assert (names(copy), labels(copy), copy.classes) == (
        ["cat/1.png", "dog/2.png"],
        [0, 1],
        source.classes,
    )
    with copy.image(1) as image:
        assert image.size == (9, 8)


def test_sources_outlive_a_change_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path / "here/images", ["1.png"])
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    source = opened(Path("images"))
    monkeypatch.chdir(tmp_path / "there")
    with source.image(0) as image:
        assert image.size == (8, 8)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text_can_be_shown_and_opened(tmp_path: Path) -> None:
    for folder in ("caf\udce9", "bar"):
        (tmp_path / folder).mkdir()
        Image.new("L", (4, 4)).save(tmp_path / folder / "1.png")
    source = opened(tmp_path)
    assert source.classes == ("bar", "caf�")
    assert names(source) == ["bar/1.png", "caf�/1.png"]
    assert labels(source) == [0, 1]
    with source.image(1) as image:
        assert image.size == (4, 4)


def test_photos_of_phones_are_prepared_with_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "photos").mkdir()
    for number, tone in enumerate((40, 200)):
        photo = Image.new("RGB", (64, 48), (tone, 90, 255 - tone))
        pillow_heif.from_pillow(photo).save(tmp_path / f"photos/IMG_{number}.HEIC", quality=90)
    prepared = prepare(Folder(folder=tmp_path / "photos"), ImageTable(size=8))
    assert list(prepared.names) == ["IMG_0.HEIC", "IMG_1.HEIC"]
    means = prepared.images.mean((1, 2))
    assert abs(means - [[40, 90, 215], [200, 90, 55]]).max() < 4


@pytest.mark.skipif(not PAINTINGS.exists(), reason="no paintings beside this checkout")
def test_real_paintings_in_seven_class_folders() -> None:
    source = opened(PAINTINGS)
    assert (len(source), len(source.classes)) == (4200, 7)
    assert labels(source).count(3) == 600


def test_the_plugin_module_imports_no_image_library() -> None:
    script = """
import sys
import gantool_folders.plugin
print([name for name in ("torch", "numpy", "PIL") if name in sys.modules])
"""
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "[]"


def test_the_example_can_be_opened(tmp_path: Path) -> None:
    source = Folder.example(tmp_path).open(tmp_path / "cache")
    assert source.classes == ("dawn", "dusk")
    assert len(source) == 4
