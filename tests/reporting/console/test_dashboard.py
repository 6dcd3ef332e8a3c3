from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from gantool.reporting.console.dashboard import Dashboard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FIGURES: Mapping[str, float] = {
    "discriminator_loss": -1234567.0,
    "generator_loss": 0.00001234,
    "real_score": 1.0,
    "fake_score": 0.0,
    "discriminator_gradient_norm": 98765.4,
    "generator_gradient_norm": 0.5,
    "penalty/a-name-that-goes-on-and-on": -1.5e-7,
    "penalty/r1": 3.0,
}


def draw(console: Console, board: Dashboard) -> list[str]:
    console.print(board)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_every_line_fits_and_no_figure_is_cut() -> None:
    for width in range(20, 130):
        check_picture(width)


def check_picture(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, _environ={})
    board = Dashboard(14_960, 220.0, "NVIDIA H100 80GB HBM3 (cuda:0), bf16", step=8650)
    board.images_per_second, board.remaining = 120_400.0, "59 min 59 s left"
    board.record(8650, FIGURES)
    lines = draw(console, board)
    assert max(map(len, lines)) <= width
    assert len(lines) <= (7 if width >= 63 else 16)
    shown = " ".join(lines).split()
    for figure in ("-1.2e+06", "1.2e-05", "1.000", "0.000", "98765.4", "0.5000", "-1.5e-07"):
        assert figure in shown
    for part in ("8,650", "14,960", "127.2", "220", "120,400", "57%", "59", "D(real)", "D(fake)"):
        assert part in shown

    assert any("D(fake)" in line and "0.000" in line for line in lines)
    assert "discriminator" in shown or "D loss" in " ".join(lines)


def test_figures_are_aligned_where_it_is_narrow() -> None:
    board = Dashboard(100, 1.0, "cpu", step=10)
    board.record(10, FIGURES)
    lines = draw(Console(file=io.StringIO(), width=20, _environ={}), board)
    assert [len(line) for line in lines[4:12]] == [20] * 8
    assert lines[4:6] == ["D loss      -1.2e+06", "G loss       1.2e-05"]
    assert lines[10] == "a-name-tha… -1.5e-07"


@pytest.mark.parametrize("width", [20, 80])
def test_what_is_not_finite_is_red(screen_console: Callable[..., Console], width: int) -> None:
    board = Dashboard(100, 1.0, "cpu", step=10)
    board.record(10, {**FIGURES, "generator_loss": math.nan, "fake_score": -math.inf})
    text = "\n".join(draw(screen_console(width), board))
    assert re.findall(r"\x1b\[1;31m *(nan|-inf)\x1b", text) == ["nan", "-inf"]
    assert text.count("\x1b[1;31m") == 2


def test_before_the_first_record_the_picture_is_as_tall_as_after() -> None:
    board = Dashboard(100, 1.5, "cpu")
    heights = []
    for step in (0, 10):
        if step:
            board.record(step, dict.fromkeys(list(FIGURES)[:6], 1.0))
        lines = draw(Console(file=io.StringIO(), width=80, _environ={}), board)
        heights.append(len(lines))
        assert lines[3].split()[:2] == ["discriminator", "1.0000" if step else "-"]
    assert heights == [6, 6]


def test_without_unicode_there_is_no_sparkline() -> None:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, encoding="ascii"), width=100, _environ={})
    board = Dashboard(100, 1.5, "cpu", step=50)
    board.record(50, FIGURES)
    console.print(board)  # would raise UnicodeEncodeError
    console.file.flush()
    assert b"over the run" not in raw.getvalue()
    assert b"from 0 to 1" not in raw.getvalue()
    assert b"D(real) 1.000" in raw.getvalue()


@pytest.mark.parametrize(("width", "expected"), [(75, 0), (80, 14), (120, 34), (400, 48)])
def test_curves_take_the_room_there_is(width: int, expected: int) -> None:
    board = Dashboard(100, 1.5, "cpu")
    for step, loss, score in ((50, 4.0, 0.5), (100, 2.0, 1.0)):
        board.record(step, {**FIGURES, "discriminator_loss": loss, "real_score": score})
    lines = draw(Console(file=io.StringIO(), width=width, _environ={}), board)
    row = next(line for line in lines if line.startswith("discriminator"))
    assert max(map(len, lines)) <= width
    bars = re.findall(r"[▁▂▃▄▅▆▇█]+", row)
    half = expected // 2
    assert bars == (["█" * half + "▁" * half, "▅" * half + "█" * half] if expected else [])


def test_going_back_clears_the_curves() -> None:
    board = Dashboard(100, 1.5, "cpu")
    board.record(50, FIGURES)
    board.record(100, FIGURES)
    board.rewind(50)
    assert board.step == 50
    for trend in board.trends.values():
        assert trend.sparkline(10)[5:] == " " * 5
        assert trend.sparkline(10)[:5].strip()
