"""What is said of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gantool.evaluation.memorization import Copies
from gantool.reporting.report import verdict
from gantool.reporting.report.record import read_record
from gantool.reporting.report.verdict import verdict_of
from gantool.runs.folder import RunFolder

MakeRun = Callable[..., RunFolder]
HONEST = Copies(100, 1, 1, 100, 2)
REPLAY = Copies(100, 100, 90, 100, 2)
FINDING = {"step": 50, "sign": "generator", "message": "the images are all alike"}


def test_nothing_found_is_no_sign_of_trouble(make_run: MakeRun) -> None:
    said = verdict_of(read_record(make_run()), HONEST)
    assert (said.title, said.is_bad) == (verdict.SOUND, False)
    assert "In 100 steps" in said.sentences[0]
    assert said.sentences[1] == "Of 100 generated images 1 repeats a training image."


def test_a_finding_is_told_with_its_moment(make_run: MakeRun) -> None:
    said = verdict_of(read_record(make_run(health=[FINDING])), HONEST)
    assert (said.title, said.is_bad) == (verdict.WATCHED, True)
    (sentence,) = said.sentences
    assert sentence.startswith("After step 50, epoch 5: the images are all alike. What may help: ")
    assert "lower learning rates" in sentence


def test_a_finding_of_an_unknown_kind_is_told_too(make_run: MakeRun) -> None:
    said = verdict_of(read_record(make_run(health=[{"step": 50, "sign": "other"}])))
    assert said.sentences == ("After step 50, epoch 5: something.",)


def test_a_replay_is_called_out_before_anything_else(make_run: MakeRun) -> None:
    perfect = [{"step": 100, "fid/distance": 0.0}]
    record = read_record(make_run(health=[FINDING], scores=perfect))
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
    said = verdict_of(read_record(make_run(**{name: [line]})))
    assert said.title == verdict.MEMORIZED
    assert "97 %" in said.sentences[0]


def test_only_the_newest_scores_count(make_run: MakeRun) -> None:
    copies = "memorization/copies-pct"
    lines = [{"step": 50, copies: 97.0}, {"step": 100, copies: 0.0}]
    assert not verdict_of(read_record(make_run(scores=lines))).is_bad


def test_an_error_is_bad(make_run: MakeRun) -> None:
    said = verdict_of(read_record(make_run("failed")))
    assert (said.title, said.sentences) == (verdict.FAILED, ("It stopped after step 100.",))


def test_a_run_that_nobody_watched_is_not_praised(make_run: MakeRun) -> None:
    folder = make_run()
    folder.recipe.write_text('[health]\npolicy = "off"\n', encoding="utf-8")
    said = verdict_of(read_record(folder))
    assert (said.title, said.is_bad) == (verdict.UNWATCHED, False)
