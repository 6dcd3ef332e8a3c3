"""Fetching the set, without a network: kagglehub is played by a module of our own."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from gantool import DataError, MissingExtraError
from gantool_artworks.plugin import Artworks

CURL = "curl -L -o {}/best-artworks.zip https://www.kaggle.com/api/v1/datasets/download/ikarus777/"


class Kagglehub(ModuleType):
    def __init__(self, error: Exception | None = None) -> None:
        super().__init__("kagglehub")
        self.calls: list[tuple[str, str]] = []
        self.error = error

    def dataset_download(self, handle: str, *, output_dir: str) -> str:
        print("Downloading …")
        self.calls.append((handle, output_dir))
        if self.error:
            raise self.error
        return output_dir


def test_kagglehub_fetches_into_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = Kagglehub()
    monkeypatch.setitem(sys.modules, "kagglehub", hub)
    Artworks().download(tmp_path / "set")
    assert hub.calls == [("ikarus777/best-artworks-of-all-time", str(tmp_path / "set"))]
    assert capsys.readouterr().out == ""


def test_without_kagglehub_both_ways_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(MissingExtraError) as error:
        Artworks().download(tmp_path)
    assert "pip install 'gantool[kaggle]'" in str(error.value)
    assert CURL.format(tmp_path) in str(error.value)


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (ConnectionError("no route to host"), "no route to host", "curl -L"),
        (TimeoutError(), "TimeoutError", "curl -L"),
        (FileExistsError("output_dir is not empty"), "is not empty", "remove it"),
    ],
)
def test_failures_are_data_errors_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str, hint: str
) -> None:
    monkeypatch.setitem(sys.modules, "kagglehub", Kagglehub(error))
    with pytest.raises(DataError, match=message) as raised:
        Artworks().download(tmp_path)
    assert raised.value.hint is not None
    assert hint in raised.value.hint
