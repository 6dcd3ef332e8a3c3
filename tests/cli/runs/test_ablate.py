"""An ablation, through the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, cast

from gantool.cli.runs.ablate import complete_toggle

Gantool = Callable[..., Any]


def test_the_grid_is_trained_once_and_closes_with_a_comparison(
    gantool: Gantool, recipe: Path
) -> None:
    words = (
        *("--toggle", "regularizers.l2", "--seeds", 2, "--out", "grid", "--report", "page.html"),
        *("--set", 'regularizers=[{use="l2"}]', "--set", 'metrics=[{use="kid"}]'),
        *("--set", "evaluation.count=8"),
    )
    outcome = gantool("ablate", recipe, *words)
    assert outcome.code == 0, outcome.stderr
    assert "run 4 of 4  without-l2, seed 1" in outcome.stderr
    table = {tuple(record[:2]): record[2] for record in outcome.records}
    assert table["full", "seeds"] == "0, 1"
    assert "±" in table["without-l2", "kd-pixels/distance ↓"]
    assert table["without-l2", "regularizers"] == "–"
    assert ("", "conclusion") in table
    assert Path("page.html").is_file()
    again = gantool("ablate", recipe, *words)
    assert "run 1 of 4" not in again.stderr
    assert again.stdout == outcome.stdout


def test_parts_are_completed() -> None:
    class Context:
        params: ClassVar[dict[str, str]] = {"recipe": "spectral"}
        args: ClassVar[list[str]] = []

    found = complete_toggle(cast("Any", Context()), "ema,opt")
    assert found == ["ema,optimizer.discriminator"]


def test_unknown_parts_are_refused(gantool: Gantool, recipe: Path) -> None:
    outcome = gantool("ablate", recipe, "--toggle", "emma")
    assert outcome.code == 2
    assert "no 'emma' that could be toggled" in outcome.stderr
    assert "there are: architecture.first_norm, training.conditional" in outcome.stderr
    assert not Path("runs").exists()
