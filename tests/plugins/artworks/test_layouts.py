"""However people keep the Kaggle set, the same images and artists are found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gantool import DataError, ImageSource
from gantool_artworks.plugin import Artworks

pytestmark = pytest.mark.quick

PAINTINGS = Path(__file__).parents[4] / "shared/data/paintings"

FULL = [
    ("Claude Monet", "Claude_Monet_1.jpg"),
    ("Claude Monet", "Claude_Monet_2.jpg"),
    ("Claude Monet", "Claude_Monet_3.jpg"),
    ("Vasiliy Kandinskiy", "Vasiliy_Kandinskiy_1.jpg"),
    ("Vasiliy Kandinskiy", "Vasiliy_Kandinskiy_2.jpg"),
]
RESIZED = [FULL[0], FULL[1], FULL[3], FULL[4]]


def opened(folder: Path, **options: object) -> ImageSource:
    return Artworks.model_validate({"folder": folder, **options}).open(folder / "unused")


def artists_and_files(source: ImageSource) -> list[tuple[str, str]]:
    found = []
    for index in range(len(source)):
        label = source.label(index)
        assert label is not None
        found.append((source.classes[label], source.name(index).rpartition("/")[2]))
    return found


def pixels(source: ImageSource) -> list[tuple[tuple[int, int], bytes]]:
    found = []
    for index in range(len(source)):
        with source.image(index) as image:
            found.append((image.size, image.tobytes()))
    return found


@pytest.mark.parametrize(
    ("level", "variant", "expected"),
    [
        (".", "auto", FULL),
        (".", "full", FULL),
        (".", "resized", RESIZED),
        ("images", "auto", FULL),
        ("images/images", "auto", FULL),
        ("images/images", "full", FULL),
        ("resized", "auto", RESIZED),
        ("resized/resized", "auto", RESIZED),
        ("resized/resized", "resized", RESIZED),
    ],
)
def test_every_level_of_the_folder_may_be_named(
    kaggle: Path, level: str, variant: str, expected: list[tuple[str, str]]
) -> None:
    source = opened(kaggle / level, variant=variant)
    assert artists_and_files(source) == expected
    assert source.classes == ("Claude Monet", "Vasiliy Kandinskiy")


def test_resized_images_are_read_where_they_are_the_only_ones(kaggle: Path) -> None:
    shutil.rmtree(kaggle / "images")
    source = opened(kaggle)
    assert artists_and_files(source) == RESIZED
    assert {size for size, _ in pixels(source)} == {(12, 8)}


def test_the_zip_file_equals_the_folder(kaggle: Path, zipped: Callable[[Path], Path]) -> None:
    folder, archive = opened(kaggle), opened(zipped(kaggle))
    assert artists_and_files(archive) == artists_and_files(folder) == FULL
    assert archive.classes == folder.classes
    assert pixels(archive) == pixels(folder)


def test_a_folder_may_hold_the_zip_file(kaggle: Path, zipped: Callable[[Path], Path]) -> None:
    holder = kaggle.parent / "downloads"
    holder.mkdir()
    zipped(kaggle).rename(holder / "archive.zip")
    assert artists_and_files(opened(holder)) == FULL
    shutil.copy(holder / "archive.zip", holder / "other.ZIP")
    with pytest.raises(DataError, match=r"several zip files.*archive\.zip, other\.ZIP"):
        opened(holder)


def test_downloaders_may_nest_the_set_deeper(kaggle: Path) -> None:
    versions = kaggle.parent / "kagglehub/versions"
    versions.mkdir(parents=True)
    kaggle.rename(versions / "2")
    assert artists_and_files(opened(versions.parent)) == FULL


def test_a_plain_tree_has_an_artist_for_each_folder(
    tmp_path: Path, jpeg: Callable[..., bytes]
) -> None:
    for path in ("mine/Hilma_af_Klint/a.JPG", "mine/Hilma_af_Klint/late/b.png", "mine/Zao/c.webp"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(jpeg(1))
    source = opened(tmp_path / "mine")
    assert source.classes == ("Hilma af Klint", "Zao")
    assert [source.name(index) for index in range(3)] == [
        "Hilma_af_Klint/a.JPG",
        "Hilma_af_Klint/late/b.png",
        "Zao/c.webp",
    ]
    assert [source.label(index) for index in range(3)] == [0, 0, 1]


def test_a_plain_tree_may_lie_deeper(tmp_path: Path, jpeg: Callable[..., bytes]) -> None:
    for path in ("mine/paintings/oil/A/1.jpg", "mine/paintings/oil/B/1.jpg"):
        file = tmp_path / path
        file.parent.mkdir(parents=True)
        file.write_bytes(jpeg(1))
    assert opened(tmp_path / "mine").classes == ("A", "B")


def test_other_folders_beside_the_set_are_not_part_of_it(
    kaggle: Path, jpeg: Callable[..., bytes]
) -> None:
    (kaggle / "notebook").mkdir()
    (kaggle / "notebook/figure_1.png").write_bytes(jpeg(1))
    (kaggle / "preview.jpg").write_bytes(jpeg(1))
    assert artists_and_files(opened(kaggle)) == FULL


def test_resized_images_in_folders_by_artist_stay_resized(kaggle: Path) -> None:
    flat = kaggle / "resized/resized"
    shutil.rmtree(flat)
    (kaggle / "images/images").rename(flat)
    assert artists_and_files(opened(flat, variant="resized")) == FULL


def test_files_that_name_nobody_have_no_label(tmp_path: Path, jpeg: Callable[..., bytes]) -> None:
    folder = tmp_path / "flat"
    folder.mkdir()
    (folder / "artists.csv").write_text("name\nPaul Klee\n", encoding="utf-8")
    for name in ("Paul_Klee_2.jpg", "IMG_3.jpg", "cover.jpg", ".hidden_1.jpg", "notes_1.txt"):
        (folder / name).write_bytes(jpeg(1))
    source = opened(folder)
    assert [(source.name(i), source.label(i)) for i in range(len(source))] == [
        ("Paul_Klee_2.jpg", 0),
        ("IMG_3.jpg", None),
        ("cover.jpg", None),
    ]


def test_a_missing_variant_is_an_error_that_names_the_other(kaggle: Path) -> None:
    shutil.rmtree(kaggle / "images")
    with pytest.raises(DataError, match='variant = "resized"'):
        opened(kaggle, variant="full")
    (kaggle / "resized/resized").rename(kaggle.parent / "flat")
    with pytest.raises(DataError, match=r'no resized images.*\n.*"full"'):
        opened(kaggle.parent / "flat", variant="resized")


def test_links_to_folders_are_not_followed_and_files_in_disguise_not_opened(
    kaggle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    artist = kaggle / "images/images/Claude_Monet"
    (artist / "loop").symlink_to(artist, target_is_directory=True)
    (artist / "linked_4.jpg").symlink_to(artist / "Claude_Monet_1.jpg")
    (artist / "broken_5.jpg").symlink_to(artist / "nothing")
    (artist / "circle_6.jpg").symlink_to(artist / "circle_6.jpg")
    (artist / "folder_6.jpg").mkdir()
    (artist / "jpg").write_bytes(b"a file of this name is no image")
    names = [name for _, name in artists_and_files(opened(kaggle))]
    assert names == [name for _, name in FULL[:3]] + ["linked_4.jpg"] + [n for _, n in FULL[3:]]
    assert "loop is a link to a folder" in caplog.text


def test_stamps_are_sizes_and_times(kaggle: Path) -> None:
    source = opened(kaggle)
    for index in range(len(source)):
        status = (kaggle / source.name(index)).stat()
        assert source.stamp(index) == (status.st_size, status.st_mtime_ns)


@pytest.mark.skipif(not PAINTINGS.exists(), reason="no paintings beside this checkout")
def test_real_paintings_in_seven_style_folders() -> None:
    source = opened(PAINTINGS)
    assert len(source) == 4200
    assert len(source.classes) == 7
    assert source.classes[0] == "Art Nouveau Modern"
    labels = [source.label(index) for index in range(len(source))]
    assert [labels.count(label) for label in range(7)] == [600] * 7
    with source.image(4199) as image:
        assert image.format == "JPEG"
        assert isinstance(image, Image.Image)
