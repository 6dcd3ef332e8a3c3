"""Filters by artist and genre, and what `artists.csv` contributes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from gantool import DataError
from gantool_artworks.plugin import Artworks
from gantool_artworks.register import read_register

pytestmark = pytest.mark.quick


def test_artists_are_chosen_by_any_spelling(kaggle: Path) -> None:
    source = Artworks(folder=kaggle, artists=("vasiliy_KANDINSKIY",)).open(kaggle)
    assert source.classes == ("Vasiliy Kandinskiy",)
    assert [source.label(index) for index in range(len(source))] == [0, 0]


@pytest.mark.parametrize("genre", ["Abstractionism", "expressionism"])
def test_genres_are_those_of_the_register(kaggle: Path, genre: str) -> None:
    source = Artworks(folder=kaggle, genres=(genre,)).open(kaggle)
    assert source.classes == ("Vasiliy Kandinskiy",)


def test_the_register_is_found_above_an_inner_level_and_in_the_zip_file(
    kaggle: Path, zipped: Callable[[Path], Path]
) -> None:
    for place in (kaggle / "images/images", kaggle / "resized", zipped(kaggle)):
        source = Artworks(folder=place, genres=("Impressionism",)).open(kaggle)
        assert source.classes == ("Claude Monet",)


def test_both_filters_must_agree(kaggle: Path) -> None:
    both = Artworks(folder=kaggle, artists=("Claude Monet",), genres=("Expressionism",))
    with pytest.raises(DataError, match=r"'Claude Monet'.*'Expressionism'"):
        both.open(kaggle)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"artists": ("Claude Manet",)}, "no artist 'Claude Manet'.*\ndid you mean 'Claude Monet'"),
        ({"artists": ("monet",)}, "did you mean 'Claude Monet'"),
        ({"artists": ("Picasso",)}, "known: 'Claude Monet', 'Vasiliy Kandinskiy'"),
        ({"artists": ("Albrecht Dürer",)}, "no artist 'Albrecht Dürer'"),
        ({"genres": ("Impresionism",)}, "no genre.*\ndid you mean 'Impressionism'"),
        ({"genres": ("Northern Renaissance",)}, "no genre 'Northern Renaissance'"),
    ],
)
def test_unknown_names_get_a_suggestion(
    kaggle: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Artworks.model_validate({"folder": kaggle, **options}).open(kaggle)


def test_genres_need_the_register(kaggle: Path) -> None:
    (kaggle / "artists.csv").unlink()
    assert len(Artworks(folder=kaggle).open(kaggle)) == 5
    with pytest.raises(DataError, match=r"genres need artists.csv"):
        Artworks(folder=kaggle, genres=("Impressionism",)).open(kaggle)


def test_nobodys_images_are_kept_only_without_a_filter(
    kaggle: Path, jpeg: Callable[..., bytes]
) -> None:
    (kaggle / "resized/resized/cover.jpg").write_bytes(jpeg(9))
    everything = Artworks(folder=kaggle, variant="resized")
    assert len(everything.open(kaggle)) == 5
    chosen = everything.model_copy(update={"artists": ("Claude Monet",)})
    assert len(chosen.open(kaggle)) == 2


def test_the_register_writes_names_and_counts(
    kaggle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (kaggle / "images/images/Claude_Monet").rename(kaggle / "images/images/claude_monet")
    (kaggle / "images/images/claude_monet/Claude_Monet_3.jpg").unlink()
    with caplog.at_level(logging.INFO, "gantool.artworks"):
        source = Artworks(folder=kaggle).open(kaggle)
    assert source.classes[0] == "Claude Monet"
    messages = {record.levelname: record.getMessage() for record in caplog.records}
    assert messages["WARNING"] == "no images of 1 of the 3 artists in artists.csv: Albrecht Dürer"
    assert messages["INFO"] == "Claude Monet: 2 images, 3 in artists.csv"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,genre\nM\xfcnch,x\n", "set.zip cannot be read.*utf-8"),
        (b"id;artist\n1;x\n", "no column 'name'"),
        (b'name\n"' + b"x" * 200_000 + b'"\n', "field larger than"),
    ],
)
def test_a_register_that_is_none_is_an_error(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_register(content, Path("set.zip"))


def test_a_register_may_lack_all_but_names() -> None:
    register = read_register("\ufeffname,paintings\nPaul Klee,many\n,3\n".encode(), Path())
    assert register["paul klee"].genres == ()
    assert register["paul klee"].paintings is None
    assert len(register) == 1
    assert read_register(b"", Path()) == {}
