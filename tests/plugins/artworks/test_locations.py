"""Which folder is read: the named one, a default one, or the sample, and never another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from gantool import DataError
from gantool_artworks.plugin import Artworks
from gantool_artworks.sample import writing

pytestmark = pytest.mark.quick


@pytest.fixture(autouse=True)
def _small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    write_sample = writing.write_sample
    monkeypatch.setattr(writing, "write_sample", lambda folder: write_sample(folder, 1))


def test_a_named_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "work/data/best-artworks").mkdir(parents=True)
    with pytest.raises(DataError, match=r"option 'folder'.*nowhere, which does not exist") as error:
        Artworks(folder=tmp_path / "nowhere").open(tmp_path / "cache")
    assert "--set dataset.folder=PATH" in str(error.value)
    assert "gantool data download artworks" in str(error.value)
    assert not (tmp_path / "cache").exists()


def test_the_variable_names_a_folder_too(
    kaggle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANTOOL_ARTWORKS", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"GANTOOL_ARTWORKS names .*nowhere"):
        Artworks().open(tmp_path / "cache")
    monkeypatch.setenv("GANTOOL_ARTWORKS", str(kaggle))
    assert len(Artworks().open(tmp_path / "cache")) == 5
    option = Artworks(folder=kaggle / "resized")
    assert len(option.open(tmp_path / "cache")) == 4


@pytest.mark.parametrize("default", ["best-artworks", "artworks"])
def test_the_default_folders_are_found(
    kaggle: Path, tmp_path: Path, default: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "work/data").mkdir()
    kaggle.rename(tmp_path / "work/data" / default)
    assert len(Artworks().open(tmp_path / "cache")) == 5
    assert "SAMPLE" not in caplog.text


def test_a_default_folder_without_images_is_an_error_not_the_sample(tmp_path: Path) -> None:
    (tmp_path / "work/data/best-artworks").mkdir(parents=True)
    with pytest.raises(DataError, match=r"no images and no zip file in .*best-artworks"):
        Artworks().open(tmp_path / "cache")


def test_without_a_folder_the_sample_is_used_and_said_to_be_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = Artworks().open(tmp_path / "cache")
    (warning,) = (r for r in caplog.records if r.levelname == "WARNING")
    assert "SAMPLE" in warning.getMessage()
    assert "gantool data download artworks" in warning.getMessage()
    assert warning.name == "gantool.artworks"
    assert len(source.classes) == len(source) >= 8


def test_the_sample_is_used_where_it_is_asked_for(kaggle: Path, tmp_path: Path) -> None:
    (tmp_path / "work/data").mkdir()
    kaggle.rename(tmp_path / "work/data/best-artworks")
    source = Artworks(source="sample").open(tmp_path / "cache")
    assert "Claude Monet" not in source.classes


def test_a_folder_that_is_asked_for_is_not_replaced_by_the_sample(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no artworks found; looked for .*best-artworks"):
        Artworks(source="folder").open(tmp_path / "cache")


def test_the_sample_and_a_folder_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="leave the folder unread") as error:
        Artworks(source="sample", folder=tmp_path / "my pictures")
    assert f"--set dataset.folder='{tmp_path}/my pictures'" in str(error.value)
    assert "--set dataset.use=folder" in str(error.value)


def test_a_cache_that_cannot_be_written_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file", encoding="utf-8")
    with pytest.raises(DataError, match="cannot write the sample"):
        Artworks().open(tmp_path / "cache")


def test_options_as_a_recipe_says_them(kaggle: Path) -> None:
    said = {"folder": str(kaggle), "artists": ["Claude Monet"], "genres": ["Impressionism"]}
    dataset = Artworks.model_validate_json(json.dumps(said))
    assert dataset.open(kaggle).classes == ("Claude Monet",)


def test_a_home_folder_is_understood(kaggle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(kaggle.parent))
    assert len(Artworks(folder=Path("~") / kaggle.name).open(kaggle)) == 5
