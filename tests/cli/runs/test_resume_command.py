"""Going on with a run that has changed, through the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gantool.launch import load


def test_a_change_is_shown_refused_and_insisted_on(
    gantool: Callable[..., Any], recipe: Path
) -> None:
    assert gantool("run", recipe, "--out", "runs/a").code == 0
    change = ("--set", "optimizer.learning_rate=0.01", "--steps", 4)
    outcome = gantool("resume", "runs/a", *change)
    assert outcome.code == 2
    assert outcome.stdout == ""
    assert "optimizer.learning_rate  0.001 -> 0.01" in outcome.stderr
    assert "--override" in outcome.stderr
    assert load("runs/a").step == 2
    outcome = gantool("resume", "runs/a", *change, "--override")
    assert (outcome.code, outcome.stdout) == (0, "runs/a\n")
    assert load("runs/a").step == 4


def test_more_epochs_extend_a_run(gantool: Callable[..., Any], recipe: Path) -> None:
    assert gantool("run", recipe, "--out", "runs/a").code == 0
    assert gantool("resume", "runs/a", "--set", "training.epochs=3").code == 0
    assert load("runs/a").step == 6  # 12 images in batches of 6
