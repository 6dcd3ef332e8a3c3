"""Scores, evaluations and findings are believed field by field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gantool.runs.documents import MOST_BYTES, Damages, read_bounded
from gantool.runs.records import MOST_KEPT
from gantool.runs.scores import Evaluation, Finding, Scored, read_records

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.quick

PROTOCOL: dict[str, Any] = {
    "extractor": {"name": "pixels"},
    "dataset": "folder",
    "fingerprint": "f",
    "image": "16x16",
    "split": "train",
    "real": 9,
    "held_out": 0,
    "fake": 9,
    "generator": "raw",
    "batch_statistics": "running",
    "seeds": [0, 1],
}
SCORE = {"name": "fid/distance", "direction": "lower", "mean": 1.0, "values": [1.0, None]}


def told(path: Path, kind: Any, *lines: Any) -> tuple[Any, list[str]]:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    damages = Damages()
    found = read_records(path, kind, damages)
    return found, [word.partition("lines.jsonl")[2] for word in damages.words]


def test_whole_lines_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    line = {"step": 7, "scores": [SCORE], "protocol": PROTOCOL, "remarks": ["few"], "more": 1}
    (judged,), words = told(path, Evaluation, line)
    assert words == []
    assert (judged.step, judged.means, judged.remarks) == (7, {"fid/distance": 1.0}, ("few",))
    assert judged.scores[0].values == (1.0, None)
    assert (judged.protocol.seeds, judged.protocol.extractor.name) == ((0, 1), "pixels")
    scored = {"step": 7, "a/b": 1, "a/sd": None, "protocol": PROTOCOL, "non_finite": ["a/sd"]}
    (read,), words = told(path, Scored, scored)
    assert (read.values, read.protocol, words) == ({"a/b": 1.0}, judged.protocol, [])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"step": None}, "step: expected a whole number, got None; the line is skipped"),
        ({"step": 10**25}, f"step: expected at most {10**12}, got {10**25}; the line is skipped"),
        ({"scores": [{**SCORE, "mean": 1e308}]}, "scores.0.mean: expected at most 1e+100, got 1e+"),
        ({"scores": [{**SCORE, "name": 5}]}, "scores.0.name: expected text in quotes, got 5; the"),
        ({"scores": [{**SCORE, "direction": []}]}, "scores.0.direction: expected 'lower', 'high"),
        ({"remarks": "x"}, "remarks: expected an array, got 'x'; the line is skipped"),
        (
            {"protocol": {**PROTOCOL, "real": [9]}},
            "protocol.real: expected a whole number, got [9]",
        ),
        ({"protocol": {**PROTOCOL, "generator": "x"}}, "protocol.generator: expected 'ema' or 'r"),
        ({"protocol": []}, "protocol: expected a table, got []"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    whole = {"step": 7, "scores": [SCORE], "protocol": PROTOCOL}
    found, (said,) = told(tmp_path / "lines.jsonl", Evaluation, whole, {**whole, **change})
    assert said.startswith(f", line 2: {word}")
    assert len(found) == 1 + ("protocol" in change)


def test_only_the_newest_of_many_lines_are_read(tmp_path: Path) -> None:
    lines = [{"step": n, "message": "x" * 1000} for n in range(MOST_KEPT // 1000 + 10)]
    found, (word,) = told(tmp_path / "lines.jsonl", Finding, *lines)
    assert found[-1].step == len(lines) - 1
    assert 0 < len(found) < len(lines)
    assert word == f": of {len(lines):,} lines, the newest {len(found):,} are read"


def test_a_document_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(b" " * MOST_BYTES)
    assert len(read_bounded(path)) == MOST_BYTES
    path.write_bytes(b" " * (MOST_BYTES + 1))
    with pytest.raises(OSError, match="larger than 2 MB"):
        read_bounded(path)
