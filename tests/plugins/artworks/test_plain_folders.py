"""A folder that is not laid out as the Kaggle set is a folder of pictures, whatever their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from zipfile import ZipFile

import pytest

from gantool import DataError, ImageSource
from gantool_artworks.plugin import Artworks

pytestmark = pytest.mark.quick

ODD = [
    "0.jpg",
    "99.jpg",
    "DSC00001.JPG",
    "IMG_0001.jpg",
    "IMG_12.jpg",
    "Screenshot 2026-01-02 at 10.11.12.png",
    "boat_1.jpg",
    "my painting 1.jpg",
    "закат.1.jpg",
    "日の出.jpeg",
    "a'b $(c).webp",
]


@pytest.fixture
def filled(tmp_path: Path, jpeg: Callable[..., bytes]) -> Callable[[Iterable[str]], Path]:
    """Makes a folder with images of these paths."""

    def fill(paths: Iterable[str]) -> Path:
        for path in paths:
            file = tmp_path / "mine" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(jpeg(1))
        return tmp_path / "mine"

    return fill


Filled = Callable[[Iterable[str]], Path]


def opened(folder: Path, **options: object) -> ImageSource:
    return Artworks.model_validate({"folder": folder, **options}).open(folder / "unused")


def names(source: ImageSource) -> set[str]:
    return {source.name(index) for index in range(len(source))}


@pytest.mark.parametrize(
    "below",
    ["", "resized/", "images/", "images/images/", "a/b/", "Resized/2024/", "images/holiday/"],
)
def test_pictures_of_any_name_have_no_artists(filled: Filled, below: str) -> None:
    paths = {f"{below}{name}" for name in ODD}
    source = opened(filled(paths))
    assert names(source) == paths
    assert source.classes == ()
    assert {source.label(index) for index in range(len(source))} == {None}


@pytest.mark.parametrize("level", ["resized", "images", "images/images"])
def test_a_folder_of_a_common_name_may_be_named_itself(filled: Filled, level: str) -> None:
    source = opened(filled(f"{level}/{name}" for name in ODD) / level)
    assert names(source) == set(ODD)
    assert source.classes == ()


def test_a_zip_file_of_pictures_has_no_artists(tmp_path: Path, filled: Filled) -> None:
    root = filled(ODD)
    with ZipFile(tmp_path / "mine.zip", "w") as archive:
        for name in ODD:
            archive.write(root / name, name)
    source = opened(tmp_path / "mine.zip")
    assert names(source) == set(ODD)
    assert source.classes == ()


def test_all_pictures_count_though_a_folder_is_called_as_in_the_set(filled: Filled) -> None:
    paths = {"1.jpg", "resized/1.jpg", "images/2.jpg"}
    source = opened(filled(paths))
    assert names(source) == paths


def test_folders_in_it_are_classes_where_there_are_several(filled: Filled) -> None:
    source = opened(filled(["sea/IMG_0001.jpg", "land/IMG_0001.jpg", "loose.jpg"]))
    assert source.classes == ("land", "sea")
    assert [source.label(index) for index in range(3)] == [0, 1, None]


def test_the_flat_folder_of_the_set_names_artists_without_the_register(filled: Filled) -> None:
    root = filled(["resized/resized/Paul_Klee_1.jpg", "resized/resized/Titian_12.jpg"])
    for place in (root, root / "resized", root / "resized/resized"):
        assert opened(place).classes == ("Paul Klee", "Titian")


def test_choosing_among_no_artists_says_so(filled: Filled) -> None:
    with pytest.raises(DataError, match=r"no artist 'Monet'.*\n.*none"):
        opened(filled(ODD), artists=("Monet",))
