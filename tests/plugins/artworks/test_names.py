"""Names that unzip tools mangled, and names spelled in several ways."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from gantool_artworks.names import comparable, displayed, printable, repaired
from gantool_artworks.plugin import Artworks

pytestmark = pytest.mark.quick

TWICE, ONCE = "Albrecht_DuΓòá├¬rer", "Albrecht_Du╠êrer"
DUERER = "Albrecht_Dürer"


def mangled(name: str, times: int) -> str:
    name = unicodedata.normalize("NFD", name)
    for _ in range(times):
        name = name.encode("utf-8").decode("cp437")
    return name


@pytest.mark.parametrize("times", [0, 1, 2, 3])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_mangled_names_are_repaired(times: int, form: str) -> None:
    name = mangled(DUERER, times)
    seen = unicodedata.normalize("NFC" if form == "NFC" else "NFD", name)
    assert repaired(seen) == unicodedata.normalize("NFC", DUERER)


def test_the_manglings_seen_in_the_wild_are_these() -> None:
    assert mangled(DUERER, 1) == ONCE
    assert mangled(DUERER, 2) == TWICE


@pytest.mark.parametrize("name", ["Claude_Monet", "Émile", "Łukasz", "葛飾北斎", "Zoë", "¥"])
def test_whole_names_are_left_alone(name: str) -> None:
    assert repaired(name) == unicodedata.normalize("NFC", name)


def test_comparison_ignores_case_accents_and_separators() -> None:
    spellings = ["Pierre-Auguste_Renoir", "pierre auguste renoir", "PIERRE_AUGUSTE  RENOIR "]
    assert {comparable(name) for name in spellings} == {"pierre auguste renoir"}
    assert comparable(ONCE) == comparable(TWICE) == comparable("albrecht durer")
    assert comparable("class_1_1") != comparable("class_11")
    assert comparable("__") == "__"


def test_names_that_are_no_text_can_be_shown() -> None:
    raw = b"Caf\xe9_1.jpg".decode("utf-8", "surrogateescape")
    assert printable(raw) == "Caf�_1.jpg"
    assert displayed(ONCE) == "Albrecht Dürer"


@pytest.mark.parametrize("packed", [False, True])
def test_two_manglings_of_one_artist_are_one_artist_without_duplicates(
    kaggle: Path, jpeg: Callable[..., bytes], zipped: Callable[[Path], Path], packed: bool
) -> None:
    for spelling in (ONCE, TWICE):
        folder = kaggle / "images/images" / spelling
        folder.mkdir()
        for number in (1, 2):
            (folder / f"{spelling}_{number}.jpg").write_bytes(jpeg(50 * number))
    more = kaggle / "images/images" / TWICE
    (more / f"{TWICE}_3.jpg").write_bytes(jpeg(250))  # as large as the others, and none of them
    (more / f"{TWICE}_4.jpg").write_bytes(jpeg(90) + b"larger")

    source = Artworks(folder=zipped(kaggle) if packed else kaggle).open(kaggle)
    assert source.classes == ("Albrecht Dürer", "Claude Monet", "Vasiliy Kandinskiy")
    theirs = [i for i in range(len(source)) if source.label(i) == 0]
    colors = []
    for index in theirs:
        with source.image(index) as image:
            colors.append(image.getpixel((0, 0)))
    assert len(theirs) == 4
    assert len(set(colors)) == 4


def test_duplicates_in_one_well_spelled_folder_stay(kaggle: Path) -> None:
    folder = kaggle / "images/images/Claude_Monet"
    (folder / "Claude_Monet_9.jpg").write_bytes((folder / "Claude_Monet_1.jpg").read_bytes())
    assert len(Artworks(folder=kaggle).open(kaggle)) == 6


def test_a_flat_folder_with_two_spellings_is_merged_too(
    kaggle: Path, jpeg: Callable[..., bytes]
) -> None:
    for spelling in (ONCE, TWICE):
        (kaggle / "resized/resized" / f"{spelling}_1.jpg").write_bytes(jpeg(5))
    source = Artworks(folder=kaggle, variant="resized").open(kaggle)
    assert source.classes[0] == "Albrecht Dürer"
    assert len(source) == 5
