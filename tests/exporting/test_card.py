"""The model card tells what the run tells, and nothing private."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gantool.evaluation.sampling.trained import TrainedRun
from gantool.exporting.card import model_card, without_folders
from gantool.exporting.exporting import trained_generator
from gantool.exporting.folder import ExportedFolder
from gantool.text import markdown

EVALUATION = {
    "step": 12,
    "protocol": {
        "extractor": {"name": "random-conv", "weights": "abcdef0123", "resizer": "none"},
        "dataset": "folder",
        "fingerprint": "f",
        "image": "16x16 with 3 channels, stretch",
        "split": "train",
        "real": 18,
        "held_out": 0,
        "fake": 32,
        "generator": "raw",
        "batch_statistics": "running",
        "seeds": [0, 1],
        "gantool": "0.1.0",
    },
    "scores": [
        {"name": "kid/distance", "mean": 0.25, "sd": 0.01, "floor": 0.02, "direction": "lower"},
        {
            "name": "memorization/share",
            "mean": 50.0,
            "sd": None,
            "floor": None,
            "direction": "none",
        },
    ],
    "remarks": ["32 images are | few"],
}


@pytest.fixture
def folder(tmp_path: Path) -> ExportedFolder:
    """A folder in which a page and weights stand."""
    folder = ExportedFolder(tmp_path / "my generator")
    folder.path.mkdir()
    for name in ("generator.safetensors", "generator.html"):
        (folder.path / name).touch()
    return folder


def card_of(run: TrainedRun, folder: ExportedFolder, repository: str | None = None) -> str:
    return model_card(run, trained_generator(run), folder, repository)


def test_the_card_tells_use_data_training_and_recipe(
    run: TrainedRun, folder: ExportedFolder
) -> None:
    card = card_of(run, folder)
    _, front, text = card.split("---\n", 2)
    assert front.splitlines()[0] == "library_name: gantool"
    assert "- dcgan" in front.splitlines()
    assert 'gantool.load("my generator")' in text
    assert "generator.html" in text
    assert "onnxruntime" not in text
    assert "Images trained on: 18, prepared as 16x16 with 3 channels" in text
    assert "| steps (generator updates) | 12 of 12 |" in text
    assert "| epochs | 4 |" in text  # 18 images in batches of 6
    assert 'use = "dcgan"' in text
    assert "None were computed" in text
    assert "was not measured" in text


def test_no_path_of_this_machine_is_told(run: TrainedRun, folder: ExportedFolder) -> None:
    card = card_of(run, folder)
    assert 'folder = "pictures"' in card
    assert str(run.folder.path.parent.parent) not in card
    assert str(Path.home()) not in card.replace("/root", "") or Path.home() == Path("/")
    table = {"a": [{"b": "/home/me/x"}, "c/d"], "e": 3}
    assert without_folders(table) == {"a": [{"b": "x"}, "c/d"], "e": 3}


def test_scores_stand_beside_their_protocol(run: TrainedRun, folder: ExportedFolder) -> None:
    earlier = {**EVALUATION, "step": 6}
    lines = [json.dumps(record) + "\n" for record in (earlier, EVALUATION)]
    run.folder.evaluations.write_text("".join(lines))
    card = card_of(run, folder)
    assert "After 12 steps:" in card
    assert "After 6 steps" not in card
    assert "| kid/distance | 0.2500 ± 0.0100 | 0.0200 | lower |" in card
    assert "- generated: 32 images, raw weights after 12 steps, sampling seeds 0, 1" in card
    assert r"- note: 32 images are \| few" in card
    assert "told by the scores of `memorization`" in card


def test_scores_of_an_earlier_step_say_so_and_odd_records_are_passed_over(
    run: TrainedRun, folder: ExportedFolder
) -> None:
    tracked = {"step": 6, "kid/distance": 0.5, "protocol": EVALUATION["protocol"]}
    odd = [{"step": 12}, {"step": 12, "protocol": {"extractor": 3}}]
    run.folder.scores.write_text("".join(json.dumps(each) + "\n" for each in (tracked, *odd)))
    card = card_of(run, folder)
    assert "After 6 steps, which is not the checkpoint exported here:" in card
    assert "| kid/distance | 0.5000 | – | – |" in card


def test_names_cannot_break_the_card(run: TrainedRun, folder: ExportedFolder) -> None:
    card = card_of(run, folder)
    assert r"- 2: night \| \<b\>noon\<∕b\>" in card
    assert markdown("a\n# b") == "a # b"


def test_a_published_card_says_how_to_fetch_it(run: TrainedRun, folder: ExportedFolder) -> None:
    card = card_of(run, folder, "me/paintings")
    assert 'gantool.load(snapshot_download("me/paintings"))' in card
