from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from gantool.interfaces import dataset

PLUGIN = '''
from pathlib import Path

from gantool import Component, Dataset, hookimpl


class Fetched(Dataset):
    """Images that can be fetched."""

    name = "fetched"

    needed: Path

    def open(self, cache):
        raise NotImplementedError

    def download(self, into):
        into.mkdir(parents=True)
        (into / "image.txt").write_text(self.name)


@hookimpl
def gantool_components() -> list[type[Component]]:
    return [Fetched]
'''


@pytest.fixture
def flawed(pictures: Path) -> Path:
    """Add a file that is no image, and a copy of another one."""
    (pictures / "dusk" / "broken.png").write_text("no image", encoding="utf-8")
    (pictures / "dawn" / "copy.png").write_bytes((pictures / "dawn" / "0.png").read_bytes())
    return pictures


def test_prepare_prints_counts_and_folder(
    gantool: Callable[..., Any], recipe: Path, flawed: Path
) -> None:
    outcome = gantool("data", "prepare", recipe, "--workers", 1)
    assert outcome.code == 0
    ((images, skipped, folder),) = outcome.records
    assert (images, skipped) == ("13", "1")
    assert len(np.load(Path(folder) / "images.npy")) == 13
    assert "skipped: dusk/broken.png: " in outcome.stderr
    again = gantool("data", "prepare", recipe, "--quiet")
    assert again.stdout == outcome.stdout


def test_inspect_lists_findings(gantool: Callable[..., Any], recipe: Path, flawed: Path) -> None:
    outcome = gantool("data", "inspect", recipe, "--sheet", "sheet.png")
    assert outcome.code == 0
    assert ["duplicate", "dawn/copy.png", "of dawn/0.png", "used"] in outcome.records
    (unusable,) = (record for record in outcome.records if record[1] == "dusk/broken.png")
    assert unusable[3] == "left out"
    assert "14 files, of which 13 can be used" in outcome.stderr
    assert "       7  dawn\n       6  dusk\n" in outcome.stderr
    with Image.open("sheet.png") as sheet:
        assert sheet.mode == "RGB"


def test_inspect_names_files_that_are_not_read(
    gantool: Callable[..., Any], recipe: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "has_pillow_heif", lambda: False)
    for name in ("IMG_1.HEIC", "dusk/IMG_2.HEIC", "layers.psd", "notes.txt", "photo"):
        (pictures / name).touch()
    outcome = gantool("data", "inspect", recipe)
    found = {tuple(record) for record in outcome.records if record[3] == "left out"}
    assert found == {
        (".heic file", "IMG_1.HEIC", dataset.HEIF_WAY_OUT, "left out"),
        (".heic file", "dusk/IMG_2.HEIC", dataset.HEIF_WAY_OUT, "left out"),
        (".psd file", "layers.psd", "export them as PNG or JPEG", "left out"),
        (".txt file", "notes.txt", "not read as an image", "left out"),
        ("file without ending", "photo", dataset.WAYS_OUT[""], "left out"),
    }
    assert "12 files, of which 12 can be used" in outcome.stderr
    assert "not read: 2 .heic (pip install 'gantool[heic]'" in outcome.stderr
    assert "1 .psd (export them as PNG or JPEG), 1 .txt\n" in outcome.stderr


def test_inspect_as_json(gantool: Callable[..., Any], recipe: Path, flawed: Path) -> None:
    outcome = gantool("data", "inspect", recipe, "--json", "--quiet")
    assert outcome.stderr == ""
    found = json.loads(outcome.stdout)
    assert (found["files"], found["usable"]) == (14, 13)
    assert found["classes"] == {"dawn": 7, "dusk": 6}


def test_inspect_takes_a_folder(gantool: Callable[..., Any], flawed: Path) -> None:
    odd = flawed.parent / "my 'pictures'"
    flawed.rename(odd)
    by_recipe = gantool("data", "inspect", "base", "--set", f"dataset.folder={odd}")
    outcome = gantool("data", "inspect", odd)
    assert outcome.code == 0
    assert outcome.records == by_recipe.records
    assert "14 files, of which 13 can be used" in outcome.stderr
    small = gantool("data", "inspect", odd, "--set", "image.size=256")
    assert [record[0] for record in small.records].count("too small") == 13


@pytest.mark.parametrize("command", ["run", "validate", "show", "data prepare"])
def test_a_folder_is_no_recipe_and_trains_all_the_same(
    gantool: Callable[..., Any], command: str
) -> None:
    Path("my pictures").mkdir()
    outcome = gantool(*command.split(), "my pictures")
    assert outcome.code == 2
    assert "'my pictures' is a folder, not a recipe" in outcome.stderr
    assert "gantool run base --set dataset.folder='my pictures'" in outcome.stderr
    assert "gantool data inspect 'my pictures'" in outcome.stderr


def test_inspect_takes_a_zip_file(gantool: Callable[..., Any], pictures: Path) -> None:
    with ZipFile("my pictures.zip", "w") as archive:
        for number, path in enumerate(sorted(pictures.rglob("*.png"))):
            archive.write(path, f"IMG_{number:04}.png")
    outcome = gantool("data", "inspect", "my pictures.zip")
    assert outcome.code == 0
    assert "12 files, of which 12 can be used" in outcome.stderr


@pytest.mark.parametrize(
    ("name", "kind", "meant"),
    [("p/1.jpg", "an image", "p"), ("p/set.zip", "a zip file", "p/set.zip")],
)
def test_pictures_are_no_recipe(
    gantool: Callable[..., Any], name: str, kind: str, meant: str
) -> None:
    Path("p").mkdir()
    Path(name).write_bytes(b"\xff\xd8\xff")
    outcome = gantool("run", name)
    assert outcome.code == 2
    assert f"'{name}' is {kind}, not a recipe" in outcome.stderr
    assert f"--set dataset.folder={meant}," in outcome.stderr


def test_data_failures_are_exit_code_3(
    gantool: Callable[..., Any], recipe: Path, tmp_path: Path
) -> None:
    missing = gantool("data", "prepare", recipe, "--set", f"dataset.folder={tmp_path / 'no'}")
    assert missing.code == 3
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").touch()
    folder = f"dataset.folder={tmp_path / 'bad'}"
    for command in ("prepare", "inspect"):
        outcome = gantool("data", command, recipe, "--set", folder)
        assert outcome.code == 3
        assert "none of the 1 images can be used" in outcome.stderr


def test_download_prints_the_folder(
    gantool: Callable[..., Any], install: Callable[..., None]
) -> None:
    install("third-data", PLUGIN)
    outcome = gantool("data", "download", "fetched", "--into", "there")
    assert (outcome.code, outcome.stdout) == (0, "there\n")
    assert Path("there/image.txt").read_text(encoding="utf-8") == "fetched"
    assert "--set dataset.folder=there" in outcome.stderr
    assert gantool("data", "download", "fetched").stdout == "data/fetched\n"


def test_what_cannot_be_downloaded_says_how_else(gantool: Callable[..., Any]) -> None:
    outcome = gantool("data", "download", "folder")
    assert outcome.code == 2
    assert "hint: put its images into data/folder by hand" in outcome.stderr
    assert "did you mean 'folder'?" in gantool("data", "download", "foldr").stderr
