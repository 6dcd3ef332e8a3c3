"""A conditional run is evaluated class by class."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gantool import UsageError
from gantool.data.prepare.preparing import prepare
from gantool.data.selection import split
from gantool.evaluation.sampling.trained import TrainedRun
from gantool.evaluation.scoring.evaluating import evaluate, evaluate_classes, mean_over_classes
from tests.evaluation.conftest import Train, train
from tests.evaluation.scoring.test_evaluating import squared_mean_distance

COUNTS = {"bright": 14, "dark": 10, "rare": 1}


METRICS = [{"use": "intra-class"}, {"use": "perceptual-path-length", "pairs": 6}]


@pytest.fixture
def conditional(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainedRun:
    """Train on two classes, and one of a single image, some images held out of training."""
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for name, count in COUNTS.items():
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for index in range(count):
            low, high = (128, 256) if name == "bright" else (0, 128)
            pixels = random.integers(low, high, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{index}.png")
    tables = {
        "training": {"conditional": True},
        "image": {"size": 16, "held_out": 0.2},
        "metrics": METRICS,
    }
    return train(tmp_path / "run", tmp_path / "pictures", **tables)


def real_images(run: TrainedRun, name: str) -> Tensor:
    """Return the training images of a class, uint8 [N, H, W, C]."""
    tables = run.recipe.tables
    prepared = prepare(run.recipe.dataset, tables.image)
    rows, _ = split(prepared.names, tables.image.held_out, tables.training.seed)
    inside = [row for row in rows if prepared.names[row].startswith(f"{name}/")]
    return torch.from_numpy(prepared.images[inside])


def test_a_class_is_compared_with_its_own_images(
    conditional: TrainedRun, caplog: pytest.LogCaptureFixture
) -> None:
    before = {path: path.read_bytes() for path in conditional.folder.path.rglob("*.json*")}
    with caplog.at_level(logging.WARNING, "gantool"):
        found = evaluate_classes(conditional, metrics=["kid"], extractor="pixels")
    assert list(found) == ["bright", "dark"]
    assert "class 'rare' is left out: " in caplog.text
    for name, evaluation in found.items():
        real = real_images(conditional, name)
        images = conditional.sample(len(real), seed=3, label=name)
        fakes = ((images + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)
        score, *_ = evaluation.scores
        assert score.name == "kd-pixels/distance"
        assert score.mean == pytest.approx(squared_mean_distance(real, fakes), rel=1e-5)
        assert evaluation.protocol is not None
        assert (evaluation.protocol.real, evaluation.protocol.fake) == (len(real), len(real))
    assert before == {path: path.read_bytes() for path in conditional.folder.path.rglob("*.json*")}


def test_the_mean_is_over_the_classes(conditional: TrainedRun) -> None:
    found = evaluate_classes(conditional, metrics=["kid"], extractor="pixels", repetitions=2)
    (mean,) = mean_over_classes(found.values())
    of_classes = [evaluation.scores[0] for evaluation in found.values()]
    for seed in range(2):
        values = [score.values[seed] or 0 for score in of_classes]
        assert mean.values[seed] == pytest.approx(sum(values) / 2)
    floors = [score.floor for score in of_classes]
    assert mean.floor == pytest.approx(sum(each for each in floors if each is not None) / 2)


def test_a_run_without_classes_has_none_to_score(trained: Train) -> None:
    with pytest.raises(UsageError, match="knows no classes, so none can be scored by itself"):
        evaluate_classes(trained())


def test_classes_that_cannot_be_scored_are_told_why(conditional: TrainedRun) -> None:
    with pytest.raises(UsageError, match="no class can be scored; 'bright': "):
        evaluate_classes(conditional, metrics=["precision-recall"], extractor="pixels", count=2)


def test_metrics_know_labels_and_the_generator(conditional: TrainedRun) -> None:
    evaluation = evaluate(conditional, extractor="pixels")
    distance, worst, length = evaluation.scores
    fakes = conditional.draw(32, seed=3)
    labels = conditional.labels(32, seed=3)
    assert labels is not None
    expected = [
        squared_mean_distance(real_images(conditional, name), fakes[labels == number])
        for number, name in enumerate(COUNTS)
        if name != "rare"  # whose only image has no other beside it
    ]
    assert (distance.name, worst.name) == ("intra-class/distance", "intra-class/worst")
    assert worst.mean == pytest.approx(max(expected), rel=0.2)  # over subsets of the fakes
    assert distance.mean == pytest.approx(sum(expected) / 2, rel=0.2)
    assert distance.floor is not None
    assert length.name == "perceptual-path-length/length"
    assert length.mean
    assert length.floor is None  # real images have no generator
    (line,) = conditional.folder.scores.read_text().splitlines()
    assert {score.name: json.loads(line)[score.name] for score in evaluation.scores} == {
        score.name: score.mean for score in evaluation.scores
    }
