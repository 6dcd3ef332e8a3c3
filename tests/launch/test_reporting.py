"""What a training process does for the report of its run."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from gantool.launch import observing, process
from gantool.launch.observing import look_at_end
from gantool.launch.process import note_parent
from gantool.recipe.reading import read_recipe
from gantool.reporting.report.writing import Neighbors
from gantool.runs.folder import RunFolder
from gantool.training.device.device import peak_memory

PROC = Path("/proc/self/status")
IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (60, 8, 8, 3), np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    path = tmp_path / "run"
    path.mkdir()
    return RunFolder(path)


def noted(folder: RunFolder) -> tuple[str, bool, int]:
    found = json.loads(folder.parent_recipe.read_text(encoding="utf-8"))
    return found["name"], found["extended"], found["document"]["training"]["epochs"]


def test_the_recipe_that_is_extended_is_noted(folder: RunFolder) -> None:
    note_parent(folder, read_recipe("spectral", ["training.epochs=3"]))
    assert noted(folder) == ("base", True, 220)


def test_a_recipe_without_a_parent_is_its_own(folder: RunFolder) -> None:
    note_parent(folder, read_recipe("base", ["training.epochs=3"]))
    assert noted(folder) == ("base", False, 220)


def test_a_parent_that_is_no_whole_recipe_is_passed_over(folder: RunFolder, tmp_path: Path) -> None:
    (shipped,) = read_recipe("base").files
    text = shipped.read_text(encoding="utf-8")
    (tmp_path / "part.toml").write_text("[training]\nepochs = 5\n", encoding="utf-8")
    (tmp_path / "whole.toml").write_text(f'extends = "part.toml"\n{text}', encoding="utf-8")
    note_parent(folder, read_recipe(tmp_path / "whole.toml", ["training.epochs=3"]))
    assert noted(folder) == ("whole", False, 220)


def test_a_full_disk_costs_the_note(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(path: Path, value: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(process, "write_json", fail)
    with caplog.at_level(logging.WARNING, "gantool"):
        note_parent(folder, read_recipe("base"))
    assert "parent.json could not be written" in caplog.text


def test_neighbors_are_looked_for_at_the_end() -> None:
    found = look_at_end(IMAGES[:20].numpy, IMAGES)
    assert isinstance(found, Neighbors)
    assert (found.space, found.copies.copies) == ("pixels", 20)


def test_what_takes_long_is_left_to_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observing, "MOST_IMAGES", 59)
    assert look_at_end(IMAGES.numpy, IMAGES) == observing.TOO_MANY


def test_a_single_image_has_no_neighbors() -> None:
    assert "at least 2 training images" in str(look_at_end(IMAGES.numpy, IMAGES[:1]))


@pytest.mark.skipif(not PROC.exists(), reason="only Linux tells it elsewhere too")
def test_peak_memory_is_what_the_system_says() -> None:
    found = peak_memory(torch.device("cpu"))
    (line,) = [line for line in PROC.read_text().splitlines() if line.startswith("VmHWM")]
    assert found == pytest.approx(int(line.split()[1]) * 1024, rel=0.05)
