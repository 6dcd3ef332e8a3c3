from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gantool.recipe.shipped import shipped_names

BAD = """\
[dataset]
use = "artworks"
[architecture]
use = "dcgan"
widht = 64
[loss]
use = "hnge"
[training]
steps = 0
"""


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.toml"
    path.write_text(BAD, encoding="utf-8")
    return path


def test_shipped_recipes_are_valid(gantool: Callable[..., Any]) -> None:
    names = shipped_names()
    assert names
    outcome = gantool("validate", *names)
    assert outcome.code == 0
    assert outcome.records == [[name, "valid"] for name in names]


def test_all_problems_are_shown_with_place_caret_and_way_out(
    gantool: Callable[..., Any], bad: Path
) -> None:
    outcome = gantool("validate", bad)
    assert outcome.code == 2
    assert outcome.stdout == f"{bad}\tinvalid\n"
    assert (
        outcome.stderr
        == f"""\
error: unknown option 'widht' in architecture 'dcgan'
  --> {bad}:5:1
  |
5 | widht = 64
  | ^^^^^ did you mean 'width'?

error: unknown loss 'hnge'
  --> {bad}:7:7
  |
7 | use = "hnge"
  |       ^^^^^^ did you mean 'hinge'?

error: expected at least 1, got 0
  --> {bad}:9:9
  |
9 | steps = 0
  |         ^

3 problems; nothing was run
"""
    )


def test_other_recipes_are_checked_too(gantool: Callable[..., Any], bad: Path) -> None:
    outcome = gantool("validate", "base", bad, "spectrl", "l2")
    assert outcome.code == 2
    states = [["base", "valid"], [str(bad), "invalid"], ["spectrl", "invalid"], ["l2", "valid"]]
    assert outcome.records == states
    assert "no recipe 'spectrl'" in outcome.stderr
    assert "hint: did you mean 'spectral'?" in outcome.stderr


def test_json_holds_every_problem(gantool: Callable[..., Any], bad: Path) -> None:
    outcome = gantool("validate", bad, "base", "spectrl", "--json")
    assert (outcome.code, outcome.stderr) == (2, "")
    first, second, third = json.loads(outcome.stdout)
    assert (first["recipe"], first["valid"], first["warnings"]) == (str(bad), False, [])
    assert first["problems"][0] == {
        "message": "unknown option 'widht' in architecture 'dcgan'",
        "path": ["architecture", "widht"],
        "file": str(bad),
        "line": 5,
        "column": 1,
        "suggestion": "did you mean 'width'?",
        "excerpt": "widht = 64",
        "width": 5,
    }
    assert [problem["line"] for problem in first["problems"]] == [5, 7, 9]
    assert second == {"recipe": "base", "valid": True, "problems": [], "warnings": []}
    (problem,) = third["problems"]
    assert problem["file"] == "spectrl"
    assert problem["line"] is None
    assert problem["suggestion"] == "did you mean 'spectral'?"


def test_an_override_is_the_place_of_its_problem(gantool: Callable[..., Any]) -> None:
    outcome = gantool("validate", "base", "--set", "training.batch_size=many")
    assert outcome.code == 2
    assert "error: expected a whole number, got 'many'\n" in outcome.stderr
    assert "--> --set training.batch_size=many\n" in outcome.stderr


def test_warnings_leave_a_recipe_valid(gantool: Callable[..., Any]) -> None:
    outcome = gantool("validate", "base", "--set", "ema.start_step=5")
    assert (outcome.code, outcome.records) == (0, [["base", "valid"]])
    assert outcome.stderr.startswith("warning: base: [ema] start_step has no effect")
    (verdict,) = json.loads(
        gantool("validate", "base", "--set", "ema.start_step=5", "--json").stdout
    )
    assert len(verdict["warnings"]) == 1


def test_on_a_terminal_the_state_stands_first(
    gantool: Callable[..., Any], bad: Path, on_terminal: Callable[[int], None]
) -> None:
    on_terminal(80)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", gantool("validate", "base", bad).stdout).splitlines()
    assert lines == ["valid    base", f"invalid  {bad}"]
