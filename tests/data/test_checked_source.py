"""What a source says of the files beside its images is looked at too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gantool import Dataset, PluginError
from gantool.data.source import open_source

Tree = Callable[[Path], Dataset]
Fill = Callable[[int], Path]


def test_most_sources_know_no_other_files(tree: Tree, folder: Fill) -> None:
    assert open_source(tree(folder(1))).other_files() == []


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (lambda self: ["a.txt", "b/c.psd"], None),
        (lambda self: iter(["a.txt"]), None),
        (lambda self: [Path("a.txt")], r"other_files\(\).*paths as text"),
        (lambda self: None, r"other_files\(\).*TypeError"),
    ],
)
def test_other_files_are_paths(
    tree: Tree,
    folder: Fill,
    monkeypatch: pytest.MonkeyPatch,
    told: Callable[[Any], Any],
    expected: str | None,
) -> None:
    dataset = tree(folder(1))
    kind = type(dataset.open(folder(1)))
    monkeypatch.setattr(kind, "other_files", told, raising=False)
    if expected is None:
        assert open_source(dataset).other_files() == list(told(None))
    else:
        with pytest.raises(PluginError, match=f"(?s){expected}"):
            open_source(dataset).other_files()
