"""Figures are read line by line, thinned out where they are many, and damage costs its line."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gantool.runs.curves import MOST_FIGURES, MOST_POINTS, Curves, read_curves
from gantool.runs.documents import Damages

pytestmark = pytest.mark.quick

CRASH = '{"step": 50, "lo'


def written(path: Path, lines: list[Any]) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def told(path: Path, lines: list[Any], **how: Any) -> tuple[Curves, list[str]]:
    damages = Damages()
    curves = read_curves(written(path, lines), damages, **how)
    return curves, [
        word.replace(f"{path}, ", "").replace(f"{path}: ", "") for word in damages.words
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def test_a_short_run_is_read_as_it_is(path: Path) -> None:
    chance = random.Random(0)
    losses = [chance.gauss(0, 1e3) for _ in range(MOST_POINTS)]
    lines = [{"step": n, "epoch": n / 7, "loss": loss} for n, loss in enumerate(losses, 1)]
    curves, words = told(path, lines)
    assert words == []
    assert (curves.lines, curves.stretch, curves.step) == (MOST_POINTS, 1, MOST_POINTS)
    assert curves.means("loss").tolist() == losses
    assert curves.epochs.tolist() == [n / 7 for n in range(1, MOST_POINTS + 1)]
    places, values = curves.curve("loss").extremes(curves.epochs)
    assert places is curves.epochs
    assert values.tolist() == losses


def test_a_long_run_is_thinned_out_and_no_spike_is_lost(path: Path) -> None:
    count = 5 * MOST_POINTS + 3
    chance = random.Random(0)
    losses = [chance.gauss(0, 1) for _ in range(count)]
    losses[12345], losses[30000] = 1e6, -1e6
    rare = [float(n) if n % 16 == 0 else None for n in range(count)]
    lines = [
        {"step": 10 * n, "epoch": n / 7, "loss": loss, "penalty": rare[n - 1]}
        for n, loss in enumerate(losses, 1)
    ]
    curves, words = told(path, lines)
    loss = curves.curve("loss")
    assert words == []
    assert (curves.lines, curves.stretch, curves.step) == (count, 8, 10 * count)
    assert len(curves.steps) == math.ceil(count / 8)
    parts = [losses[start : start + 8] for start in range(0, count, 8)]
    assert np.allclose(loss.means, [sum(part) / len(part) for part in parts], rtol=1e-12)
    assert loss.lows.tolist() == [min(part) for part in parts]
    assert loss.highs.tolist() == [max(part) for part in parts]
    assert loss.total == pytest.approx(sum(losses))
    assert curves.curve("penalty").counts.sum() == sum(value is not None for value in rare)
    _, values = loss.extremes(curves.epochs)
    assert (values.max(), values.min()) == (1e6, -1e6)


def line(step: int, **more: Any) -> dict[str, Any]:
    return {"step": step, "epoch": step / 10, "loss": 1.0, **more}


@pytest.mark.parametrize(
    ("damaged", "word"),
    [
        ('{"stfp": 10, "loss": 1.0}', "line 1: it has no step that is a whole number, and is"),
        ('{"step": 10, "loss": NaN}', "line 1: not JSON, and skipped"),
        ('{"step: 10, "loss": 1.0}', "line 1: not JSON, and skipped"),
        ("\x00\xff\xfe", "line 1: not JSON, and skipped"),
        ("[" * 100_000, "line 1: not JSON, and skipped"),
        ('{"step": ' + "9" * 25 + "}", "line 1: it has no step"),
        ('{"step": 1e3}', "line 1: it has no step"),
        ('{"step": true}', "line 1: it has no step"),
        ("[1]", "line 1: it has no step"),
        ('{"step": 90}', "line 1: step 90 is out of order, and skipped"),
        ('{"step": 1, "x": "' + "x" * 2**20 + '"}', "line 1: longer than 1,048,576 bytes"),
    ],
)
def test_a_damaged_line_costs_itself_and_is_told(path: Path, damaged: str, word: str) -> None:
    curves, words = told(path, [damaged, line(20), line(30), line(40)])
    assert curves.steps.tolist() == [20, 30, 40]
    assert len(words) == 1
    assert words[0].startswith(word)


def test_of_two_steps_out_of_order_the_one_that_fits_stays(path: Path) -> None:
    curves, words = told(path, [line(10), line(20), line(300), line(40), line(5), line(60)])
    assert curves.steps.tolist() == [10, 20, 40, 60]
    assert words == [
        "line 3: step 300 is out of order, and skipped",
        "line 5: step 5 is out of order, and skipped",
    ]


@pytest.mark.parametrize("odd", ["x", True, [1], {"a": 1}, 1e308, -(10**101), 10**400])
def test_a_value_that_is_no_number_costs_itself(path: Path, odd: Any) -> None:
    curves, words = told(path, [line(10), line(20, loss=odd), line(30, loss=10**25)])
    assert curves.means("loss").tolist()[::2] == [1.0, 1e25]
    assert math.isnan(curves.means("loss")[1])
    assert [word.partition(", got")[0] for word in words] == [
        "line 2: loss: expected a number of at most 1e+100"
    ]


def test_a_torn_last_line_is_nothing_to_tell(path: Path) -> None:
    written(path, [line(10)])
    with path.open("a") as file:
        file.write(CRASH)
    damages = Damages()
    assert read_curves(path, damages).step == 10
    assert read_curves(path.with_name("none"), damages).step == 0
    assert not damages


def test_much_damage_is_told_in_few_words(path: Path) -> None:
    _, words = told(path, ["x"] * 1000)
    assert len(words) == 4
    assert words[-1] == "997 more like these"


def test_figures_of_more_names_than_any_run_has_are_left_out(path: Path) -> None:
    many = {f"figure-{n}": 1.0 for n in range(MOST_FIGURES + 10)}
    curves, words = told(path, [{"step": 1, **many}])
    assert len(curves.figures) == MOST_FIGURES
    assert words == [f"it has more figures than {MOST_FIGURES}"]


def test_only_plain_files_are_read(path: Path, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(written(path, [line(1)]))
    damages = Damages()
    for name in ("pipe", "link", ""):
        assert not read_curves(tmp_path / name, damages)
    assert [word.partition(": ")[2] for word in damages.words] == [
        "it cannot be read: not a plain file",
        "it cannot be read: a symbolic link, which is not followed here",
        "it cannot be read: not a plain file",
    ]
