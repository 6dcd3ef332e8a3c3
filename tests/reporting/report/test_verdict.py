"""What is said of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gantool.evaluation.neighbors import Copies
from gantool.reporting.report import verdict
from gantool.reporting.report.verdict import verdict_of
from gantool.reporting.report.writing import read_logged
from gantool.runs.folder import RunFolder
from gantool.training.health.signs import WINDOW_STEPS

pytestmark = pytest.mark.quick

MakeRun = Callable[..., RunFolder]
HONEST = Copies(100, 1, 1, 100, 2)
REPLAY = Copies(100, 100, 90, 100, 2)
FINDING = {"step": 50, "sign": "generator", "message": "the images are all alike"}


def figures(step: int) -> dict[str, Any]:
    return {"step": step, "epoch": step / 10, "discriminator_loss": 1.2, "generator_loss": 0.9}


def long_run(make_run: MakeRun, **files: Any) -> RunFolder:
    """Return a run long enough to be judged."""
    return make_run(metrics=map(figures, range(10, 1001, 10)), **files)


def test_nothing_found_is_no_sign_of_trouble(make_run: MakeRun) -> None:
    said = verdict_of(read_logged(long_run(make_run)), HONEST)
    assert (said.title, said.is_bad, said.is_open) == (verdict.SOUND, False, False)
    assert "In 1,000 steps" in said.sentences[0]
    assert said.sentences[1] == "Of 100 generated images 1 repeats a training image."


def test_a_finding_is_told_with_its_moment(make_run: MakeRun) -> None:
    said = verdict_of(read_logged(make_run(health=[FINDING])), HONEST)
    assert (said.title, said.is_bad) == (verdict.WATCHED, True)
    (sentence,) = said.sentences
    assert sentence.startswith("After step 50, epoch 5: the images are all alike. What may help: ")
    assert "lower learning rates" in sentence


def test_a_finding_of_an_unknown_kind_is_told_too(make_run: MakeRun) -> None:
    said = verdict_of(read_logged(make_run(health=[{"step": 50, "sign": "other"}])))
    assert said.sentences == ("After step 50, epoch 5: something.",)


def test_a_replay_is_called_out_before_anything_else(make_run: MakeRun) -> None:
    perfect = [{"step": 100, "fid/distance": 0.0}]
    record = read_logged(make_run(health=[FINDING], scores=perfect))
    said = verdict_of(record, REPLAY)
    assert (said.title, said.is_bad) == (verdict.MEMORIZED, True)
    assert "copies of 90 different training images" in said.sentences[0]
    assert len(said.sentences) == 2


@pytest.mark.parametrize("name", ["scores", "evaluations"])
def test_scores_call_out_a_replay_where_nobody_looked(make_run: MakeRun, name: str) -> None:
    copies = "memorization/copies-pct"
    line: dict[str, Any] = {"step": 100, copies: 97.0, "fid/distance": 0.0}
    if name == "evaluations":
        line = {"step": 100, "scores": [{"name": copies, "mean": 97.0}]}
    said = verdict_of(read_logged(make_run(**{name: [line]})))
    assert said.title == verdict.MEMORIZED
    assert "97 %" in said.sentences[0]


def test_only_the_newest_scores_count(make_run: MakeRun) -> None:
    copies = "memorization/copies-pct"
    lines = [{"step": 50, copies: 97.0}, {"step": 100, copies: 0.0}]
    assert not verdict_of(read_logged(make_run(scores=lines))).is_bad


@pytest.mark.parametrize(("steps", "is_open"), [(12, True), (WINDOW_STEPS, False)])
def test_a_run_of_few_steps_is_not_praised(make_run: MakeRun, steps: int, is_open: bool) -> None:
    record = read_logged(make_run(metrics=map(figures, range(4, steps + 1, 4))))
    said = verdict_of(record, HONEST)
    assert (said.title == verdict.TOO_SHORT, said.is_open, said.is_bad) == (is_open, is_open, False)
    assert ("In 12 steps nothing went wrong that shows so early" in said.sentences[0]) == is_open


def test_a_run_on_two_images_is_not_praised(make_run: MakeRun) -> None:
    said = verdict_of(read_logged(long_run(make_run)), Copies(100, 0, 0, 2, 0))
    assert (said.title, said.is_open) == (verdict.TOO_FEW, True)
    assert "trained on 2 images" in said.sentences[0]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([{"precision-recall/recall": 0.0, "fid/distance": 30.0}], "recall is 0.0000: next to"),
        ([{"density-coverage/coverage": 0.004}], "coverage is 0.0040: next to no real image"),
        ([{"fid/distance": value} for value in (90, 120, 95)], "95, no smaller than 90 at first"),
        ([{"fid/distance": value} for value in (90, 20, 60)], "60, after 20 at its best"),
        ([{"fid/distance": value} for value in (90, 95)], None),
        ([{"fid/distance": value} for value in (90, 40, 50)], None),
        ([{"precision-recall/recall": 0.0}, {"precision-recall/recall": 0.4}], None),
    ],
)
def test_scores_that_are_bad_are_told(
    make_run: MakeRun, scores: list[dict[str, float]], expected: str | None
) -> None:
    lines = [{"step": 100 * number, **each} for number, each in enumerate(scores, 1)]
    said = verdict_of(read_logged(long_run(make_run, scores=lines)), HONEST)
    assert (said.title == verdict.BADLY_SCORED, said.is_bad) == (bool(expected), bool(expected))
    assert (expected or "neither player") in said.sentences[0]


def test_an_evaluation_that_is_bad_is_told(make_run: MakeRun) -> None:
    score = {"name": "precision-recall/recall", "mean": 0.0}
    said = verdict_of(read_logged(long_run(make_run, evaluations=[{"step": 9, "scores": [score]}])))
    assert said.title == verdict.BADLY_SCORED


def test_an_error_is_bad(make_run: MakeRun) -> None:
    said = verdict_of(read_logged(make_run("failed")))
    assert (said.title, said.sentences) == (verdict.FAILED, ("It stopped after step 100.",))


def test_a_run_that_nobody_watched_is_not_praised(make_run: MakeRun) -> None:
    folder = make_run()
    folder.recipe.write_text('[health]\npolicy = "off"\n', encoding="utf-8")
    said = verdict_of(read_logged(folder))
    assert (said.title, said.is_bad, said.is_open) == (verdict.UNWATCHED, False, True)
