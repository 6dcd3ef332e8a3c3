"""Scores on the page, with how they were obtained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gantool.reporting.figures import UNKNOWN
from gantool.reporting.report.panels import AFTER, DURING, score_charts, score_tables
from gantool.reporting.report.writing import read_logged
from gantool.runs.folder import RunFolder
from gantool.runs.scores import ExtractorStamp, Protocol

MakeRun = Callable[..., RunFolder]
PROTOCOL = Protocol(
    ExtractorStamp("inception", "abcdef0123", "bilinear"),
    "folder",
    "f00d",
    "8x8 with 3 channels, stretch",
    "train",
    100,
    0,
    50,
    "ema",
    "running",
    (0,),
).as_data()


def line(step: int, protocol: Any = PROTOCOL, **scores: Any) -> dict[str, Any]:
    return {"step": step, **{name.replace("_", "/"): v for name, v in scores.items()}} | (
        {"protocol": protocol} if protocol else {}
    )


def test_scores_over_training(make_run: MakeRun) -> None:
    lines = [line(20, kid_d=3.0), line(60, kid_d=1.0, kid_sd=9), line(100, kid_d=2.0)]
    record = read_logged(make_run(scores=lines))
    (table,) = score_tables(record)
    assert table.columns == DURING
    assert table.rows == (
        ("kid/d", "3.0000 (epoch 2)", "2.0000 (epoch 10)", "1.0000 (epoch 6)", "3.0000 (epoch 2)"),
    )
    assert "50 images, averaged weights after 100 steps" in table.protocol[0]
    assert "inception, weights abcdef01, bilinear" in table.protocol[2]
    (chart,) = score_charts(record)
    assert "kid/d" in chart


def test_unlike_protocols_are_kept_apart(make_run: MakeRun) -> None:
    other = {**PROTOCOL, "fake": 7}
    lines = [line(20, kid_d=3.0), line(60, other, kid_d=1.0), line(80, None, kid_d=1.0)]
    tables = score_tables(read_logged(make_run(scores=lines)))
    assert [table.rows[0][1] for table in tables] == [
        "3.0000 (epoch 2)",
        "1.0000 (epoch 6)",
        "1.0000 (epoch 8)",
    ]
    assert "7 images" in tables[1].protocol[0]
    assert tables[2].protocol == (UNKNOWN,)


def test_evaluations_come_first_the_newest_on_top(make_run: MakeRun) -> None:
    scores = [
        {"name": "fid/distance", "mean": 12.5, "sd": 0.5, "floor": 3.0, "direction": "lower"},
        {"name": "kid/sd", "mean": None, "sd": None, "floor": None, "direction": "none"},
    ]
    evaluations = [
        {"step": 50, "scores": [], "protocol": PROTOCOL},
        {"step": 100, "scores": scores, "protocol": PROTOCOL, "remarks": ["Few images."]},
    ]
    record = read_logged(make_run(evaluations=evaluations, scores=[line(20, kid_d=3.0)]))
    newest, older, during = score_tables(record)
    assert newest.title == "After 100 steps, epoch 10"
    assert newest.columns == AFTER
    assert newest.rows == (
        ("fid/distance", "12.500", "± 0.5000", "3.0000", "lower"),
        ("kid/sd", "", "", "", ""),
    )
    assert newest.remarks == ("Few images.",)
    assert len(newest.protocol) == 4
    assert older.rows == ()
    assert during.columns == DURING
    assert score_charts(record) == []  # one point is no curve


def test_damage_costs_its_line_and_is_told(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    odd = [{"step": 1, "scores": 7, "remarks": "x"}, {"step": 2, "scores": [], "protocol": []}]
    scores: list[dict[str, Any]] = [{"step": 1, "a/b": "x"}, {"step": 2, "a/b": 1}]
    tables = score_tables(read_logged(make_run(evaluations=odd, scores=scores)))
    assert [table.title for table in tables] == ["After 2 steps, epoch 0.20", "During training"]
    assert {table.protocol for table in tables} == {(UNKNOWN,)}
    assert [text.partition("/run/")[2] for text in caplog.messages] == [
        "scores.jsonl, line 1: a/b: expected a number, got 'x'; the line is skipped",
        "evaluations.jsonl, line 1: scores: expected an array, got 7; "
        "remarks: expected an array, got 'x'; the line is skipped",
        "evaluations.jsonl, line 2: protocol: expected a table, got []",
    ]
