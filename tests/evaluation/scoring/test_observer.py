"""Scores during training."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

import gantool
from gantool import MissingExtraError, UsageError
from gantool.data.selection import TrainingImages
from gantool.evaluation.scoring.evaluating import evaluate
from gantool.evaluation.scoring.evidence import Witness
from gantool.evaluation.scoring.features import FeatureNetwork
from gantool.evaluation.scoring.observer import ScoringObserver, scoring_moments
from gantool.runs.folder import RunFolder
from gantool.runs.scores import Protocol
from gantool_metrics.metrics import FID, PrecisionRecall

if TYPE_CHECKING:
    from gantool.evaluation.sampling.trained import TrainedRun
    from tests.evaluation.conftest import Train


def test_scores_have_the_names_of_their_extractor(trained: Train) -> None:
    run = trained(
        metrics=[{"use": "kid"}, {"use": "precision-recall"}],
        evaluation={"extractor": "random-conv", "count": 24},
    )
    (line,) = run.folder.scores.read_text().splitlines()
    scores = json.loads(line)
    found = {s.name: s.mean for s in evaluate(run, metrics=["kid", "precision-recall"]).scores}
    assert {"kd-random-conv/distance", "precision-recall/recall"} <= found.keys()
    assert {name: scores[name] for name in found} == found


def test_a_missing_extra_is_found_before_the_first_step(
    trained: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(MissingExtraError):
        trained(
            metrics=[{"use": "fid"}],
            evaluation={"extractor": "efficientnet-lite0"},
            training={"log_every_steps": 1},
        )
    folder = RunFolder(tmp_path / "run")
    assert folder.recipe.exists()
    assert not folder.metrics.exists() or not folder.metrics.read_text()


@pytest.mark.parametrize(
    ("every_epochs", "steps", "moments"),
    [(None, 10, {10}), (2, 10, {3, 5, 8, 10}), (2, 11, {3, 5, 8, 10, 11}), (5, 4, {4})],
)
def test_scores_are_computed_every_so_many_epochs_and_at_the_end(
    every_epochs: int | None, steps: int, moments: set[int]
) -> None:
    assert scoring_moments(every_epochs, steps, steps_per_epoch=1.3) == moments


def observer(run: TrainedRun, protocol: Protocol) -> ScoringObserver:
    pixels = run.draw(20, seed=1)
    images = TrainingImages(pixels, pixels[:0])
    witness = Witness(FeatureNetwork(None, torch.device("cpu")), images)
    metrics = [PrecisionRecall(), FID()]
    return ScoringObserver(metrics, witness, run, [7], folder=run.folder, protocol=protocol)


def stated(run: TrainedRun, fake: int) -> Protocol:
    found = evaluate(run, metrics=["fid"], extractor="pixels").protocol
    assert found is not None
    return replace(found, fake=fake)


def test_protocol_is_written_beside_the_scores(run: TrainedRun) -> None:
    protocol = stated(run, 10)
    observer(run, protocol).after_step(7)
    record = json.loads(run.folder.scores.read_text())
    assert record["step"] == 7
    assert record["protocol"] == protocol.as_data()


def test_too_few_images_are_refused_before_the_first_step(run: TrainedRun) -> None:
    with pytest.raises(UsageError, match="'precision-recall' needs at least 4 generated"):
        observer(run, stated(run, 3))


def test_protocols_are_made_of_recipe_and_evidence(run: TrainedRun) -> None:
    found = evaluate(run, metrics=["fid"], extractor="pixels").protocol
    assert found is not None
    pixels = torch.zeros(19, 16, 16, 3, dtype=torch.uint8)
    images = TrainingImages(pixels, pixels[:5])
    witness = Witness(FeatureNetwork(None, torch.device("cpu")), images)
    made = witness.protocol(run, witness.shape(32), fingerprint=run.fingerprint, seeds=(3,))
    assert made == found
    assert made.gantool == gantool.__version__
