"""The lines of a run's records: appended, cut, torn, and free of NaN."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any

import pytest

from gantool.files import disk
from gantool.runs.documents import Damages
from gantool.runs.records import JsonLines, step_lines

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.quick


@pytest.fixture
def lines(tmp_path: Path) -> JsonLines:
    """Return a file of the steps 1 to 4."""
    lines = JsonLines(tmp_path / "metrics.jsonl")
    for step in range(1, 5):
        lines.append({"step": step, "loss": step / 3})
    return lines


def read(path: Path) -> list[dict[str, Any]]:
    damages = Damages()
    found = [line.values for line in step_lines(path, damages)]
    damages.say()
    return found


def steps(lines: JsonLines) -> list[int]:
    return [record["step"] for record in read(lines.path)]


def test_records_are_read_as_they_were_written(lines: JsonLines) -> None:
    assert read(lines.path) == [{"step": step, "loss": step / 3} for step in range(1, 5)]
    assert read(lines.path.with_name("none.jsonl")) == []


def refuse(constant: str) -> None:
    raise AssertionError(constant)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_becomes_null_and_is_named(lines: JsonLines, value: float) -> None:
    lines.append({"step": 5, "loss": value, "score": 0.5})
    text = lines.path.read_text(encoding="utf-8").splitlines()[-1]
    record = json.loads(text, parse_constant=refuse)
    assert record == {"step": 5, "loss": None, "score": 0.5, "non_finite": ["loss"]}


@pytest.mark.parametrize(
    "torn", ["", "{", '{"step": 5, "lo', '{"step": 5}', '{"step": 5, \n', "\x00" * 40 + "\n"]
)
def test_a_torn_last_line_is_passed_over_and_cut_off(lines: JsonLines, torn: str) -> None:
    with lines.path.open("a", encoding="utf-8") as file:
        file.write(torn)
    resumed = JsonLines(lines.path)
    assert steps(resumed) == [1, 2, 3, 4]
    resumed.cut_after(4)
    resumed.append({"step": 5, "loss": 0.0})
    assert steps(resumed) == [1, 2, 3, 4, 5]
    assert lines.path.read_text(encoding="utf-8").count("\n") == 5


def test_a_line_that_is_not_text_is_passed_over(lines: JsonLines) -> None:
    with lines.path.open("ab") as file:
        file.write(b"\xff\xfe\x00garbage\n")
    assert steps(lines) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("step", "left"), [(0, []), (2, [1, 2]), (4, [1, 2, 3, 4]), (9, [1, 2, 3, 4])]
)
def test_later_records_are_cut_off(lines: JsonLines, step: int, left: list[int]) -> None:
    lines.cut_after(step)
    assert steps(lines) == left
    assert sorted(path.name for path in lines.path.parent.iterdir()) == ["metrics.jsonl"]


def test_cutting_is_all_or_nothing(lines: JsonLines, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = lines.path.read_bytes()
    monkeypatch.setattr(disk, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        lines.cut_after(2)
    assert lines.path.read_bytes() == before


def test_records_are_made_durable(lines: JsonLines, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Any] = []
    monkeypatch.setattr(
        disk, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino)
    )
    lines.sync()
    assert synced == [lines.path.stat().st_ino]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_flipped_byte_costs_its_line_alone_and_is_told(
    lines: JsonLines, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    text = lines.path.read_bytes().splitlines(keepends=True)
    text[place] = text[place].replace(b'"step"', b'"stfp"')
    lines.path.write_bytes(b"".join(text))
    left = [step for step in (1, 2, 3, 4) if step != place + 1]
    assert steps(lines) == left
    resumed = JsonLines(lines.path)
    resumed.cut_after(4)
    resumed.append({"step": 5})
    assert steps(resumed) == [*left, 5]
    assert [text.partition("metrics")[2] for text in caplog.messages] == [
        f".jsonl, line {place + 1}: it has no step that is a whole number, and is skipped"
    ] * 2


def test_what_is_kept_is_kept_to_the_byte(lines: JsonLines) -> None:
    odd = b'{"step":5,   "loss": 1E2}\n'
    before = lines.path.read_bytes() + odd
    lines.path.write_bytes(before + b'{"step": 9}\n')
    lines.cut_after(5)
    assert lines.path.read_bytes() == before
