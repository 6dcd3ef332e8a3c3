"""Evaluate as another run was: `gantool evaluate --protocol` and `--checkpoint`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gantool.runs.folder import RunFolder

Gantool = Callable[..., Any]
WORDS = ("--extractor", "random-conv", "--count", 12, "--quiet")
EMA = ("--set", "ema.half_life_images=10.0")


@pytest.fixture
def pair(gantool: Gantool, recipe: Path) -> tuple[Path, Path]:
    """Train the tiny recipe twice, the first time with an average of the weights."""
    for name, extra in (("a", EMA), ("b", ())):
        assert gantool("run", recipe, "--out", f"runs/{name}", "--quiet", *extra).code == 0
    return Path("runs/a"), Path("runs/b")


def last(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RunFolder(folder).evaluations.read_text().splitlines()[-1])
    return found


def test_a_run_is_evaluated_as_the_other_was(gantool: Gantool, pair: tuple[Path, Path]) -> None:
    first, second = pair
    assert (
        gantool("evaluate", first, *WORDS, "--metrics", "memorization,kid", "--seeds", 2).code == 0
    )
    assert gantool("evaluate", second, "--protocol", first).code == 0
    ours, theirs = last(first), last(second)
    names = [score["name"] for score in ours["scores"]]
    assert sorted(names) == sorted(score["name"] for score in theirs["scores"])
    assert theirs["protocol"] == {**ours["protocol"], "generator": "raw"}
    assert ours["protocol"]["seeds"] == [0, 1]


def test_weights_and_metrics_are_those_of_a_file(gantool: Gantool, pair: tuple[Path, Path]) -> None:
    first, second = pair
    printed = gantool("evaluate", second, *WORDS, "--metrics", "density-coverage", "--json").stdout
    told = json.loads(printed)
    for score in told["scores"]:
        score["options"] = {"k": 3}
    Path("protocol.json").write_text(json.dumps(told))
    assert gantool("evaluate", first, "--protocol", "protocol.json").code == 0
    assert last(first)["protocol"]["generator"] == "raw"
    assert {score["options"]["k"] for score in last(first)["scores"]} == {3}
    Path("bare.json").write_text(json.dumps(told["protocol"]))
    Path("link.json").symlink_to("bare.json")  # a path that a person gives may be a link
    assert gantool("evaluate", first, "--protocol", "link.json", "--metrics", "kid").code == 0
    assert last(first)["protocol"] == told["protocol"]


def test_scores_of_training_can_be_followed(gantool: Gantool, recipe: Path) -> None:
    scored = ('metrics=[{use="kid", subset_size=5}]', "evaluation.count=10")
    settings = [word for value in scored for word in ("--set", value)]
    assert gantool("run", recipe, "--out", "runs/a", "--quiet", *settings).code == 0
    assert gantool("run", recipe, "--out", "runs/b", "--quiet").code == 0
    assert gantool("evaluate", "runs/b", "--protocol", "runs/a").code == 0
    assert last(Path("runs/b"))["scores"][0]["options"]["subset_size"] == 5
    assert last(Path("runs/b"))["protocol"]["fake"] == 10
    table = {
        tuple(record[:2]): record[2] for record in gantool("compare", "runs/a", "runs/b").records
    }
    assert "±" in table["tiny", "kd-pixels/distance ↓"]  # one group of two runs, by one protocol
    assert table["", "conclusion"].startswith("These runs differ in their seed alone")


def test_what_cannot_be_met_is_refused_by_name(
    gantool: Gantool, pair: tuple[Path, Path], recipe: Path
) -> None:
    gantool("evaluate", pair[0], *WORDS, "--metrics", "kid")
    smaller = ("--set", "image.held_out=0.5", "--out", "runs/c", "--quiet")
    assert gantool("run", recipe, *smaller).code == 0
    outcome = gantool("evaluate", "runs/c", "--protocol", pair[0])
    assert outcome.code == 2
    assert "run runs/c cannot be evaluated as runs/a was" in outcome.stderr
    assert "real: 12 against 6" in outcome.stderr
    assert "held out: 0 against 6" in outcome.stderr
    assert not RunFolder(Path("runs/c")).evaluations.exists()


def test_other_weights_of_the_extractor_are_refused(
    gantool: Gantool, pair: tuple[Path, Path]
) -> None:
    told = json.loads(gantool("evaluate", pair[0], *WORDS, "--metrics", "kid", "--json").stdout)
    told["protocol"]["extractor"]["weights"] = "0" * 64
    Path("protocol.json").write_text(json.dumps(told))
    outcome = gantool("evaluate", pair[1], "--protocol", "protocol.json")
    assert outcome.code == 2
    assert "extractor: random-conv, weights 00000000 against random-conv, weights" in outcome.stderr


@pytest.mark.parametrize("content", ["{}", "[1]", "no json", '{"protocol": {"extractor": 1}}'])
def test_what_says_nothing_is_refused(
    gantool: Gantool, pair: tuple[Path, Path], content: str
) -> None:
    Path("protocol.json").write_text(content)
    for place in ("protocol.json", pair[1]):
        assert gantool("evaluate", pair[0], "--protocol", place).code == 2
    assert gantool("evaluate", pair[0], "--protocol", "missing.json").code == 2


def test_options_that_a_protocol_decides_are_refused(
    gantool: Gantool, pair: tuple[Path, Path]
) -> None:
    outcome = gantool("evaluate", pair[0], "--protocol", pair[1], "--count", 9, "--seeds", 2)
    assert outcome.code == 2
    assert "--protocol and --count and --seeds exclude each other" in outcome.stderr


def test_a_chosen_checkpoint_is_evaluated(gantool: Gantool, recipe: Path) -> None:
    often = ("--set", "checkpoints.every_steps=1", "--out", "runs/a", "--quiet")
    assert gantool("run", recipe, *often).code == 0
    assert gantool("evaluate", "runs/a", *WORDS, "--metrics", "kid", "--checkpoint", 1).code == 0
    assert last(Path("runs/a"))["step"] == 1
    assert gantool("evaluate", "runs/a", *WORDS, "--checkpoint", 77).code == 2
