"""The page while a run goes on: cheap, and never in its way."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from gantool.reporting.observers import ReportObserver
from gantool.reporting.report import writing
from gantool.runs.folder import RunFolder
from gantool.runs.status import read_status

MakeRun = Callable[..., RunFolder]


class Clock:
    """A clock that writing a page moves on."""

    def __init__(self) -> None:
        self.now = 0.0
        self.spent = 0.0
        self.pages = 0

    def __call__(self) -> float:
        return self.now

    def write(self, *arguments: object, **options: object) -> None:
        del arguments, options
        self.pages += 1
        self.now += 0.8
        self.spent += 0.8


def test_pages_take_up_less_than_a_hundredth_of_the_time(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, clock = make_run("running"), Clock()
    monkeypatch.setattr(writing, "write_report", clock.write)
    page = ReportObserver(folder, read_status(folder), clock)
    for step in range(1, 4000):
        clock.now += 1.0
        page.after_grid(step, folder.sample_grid(step))
        page.at_checkpoint(step)
    assert 10 < clock.pages < 40
    assert clock.spent < 0.01 * clock.now


def test_the_page_says_how_far_the_run_is(make_run: MakeRun) -> None:
    folder = make_run("running")
    moments = iter([0.0, 100.0, 100.5])
    page = ReportObserver(folder, read_status(folder), lambda: next(moments))
    page.at_checkpoint(100)
    assert "still running" in folder.report.read_text(encoding="utf-8")
    page.finish(100, "completed", lambda: "nobody <b>looked")
    done = folder.report.read_text(encoding="utf-8")
    assert "<dd>completed</dd>" in done
    assert "nobody &lt;b&gt;looked" in done


def test_short_runs_are_reported_at_their_end_only(make_run: MakeRun) -> None:
    folder = make_run("running")
    page = ReportObserver(folder, read_status(folder), lambda: 0.0)
    page.at_checkpoint(100)
    assert not folder.report.exists()
    page.finish(100, "stopped")
    assert "<dd>stopped</dd>" in folder.report.read_text(encoding="utf-8")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("bug")])
def test_a_failure_costs_the_page_and_is_said_once(
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(writing, "write_report", fail)
    folder = make_run("running")
    page = ReportObserver(folder, read_status(folder))
    with caplog.at_level(logging.WARNING, "gantool"):
        page.finish(100, "completed")
        page.finish(100, "completed")
    assert len(caplog.records) == 1
    assert "the report could not be written" in caplog.text


def test_where_looking_fails_the_page_says_so(make_run: MakeRun) -> None:
    def look() -> str:
        raise RuntimeError("out of memory")

    folder = make_run()
    ReportObserver(folder, read_status(folder)).finish(100, "completed", look)
    assert "Looking for them failed: out of memory" in folder.report.read_text(encoding="utf-8")


def test_without_figures_there_is_no_page_and_no_warning(
    make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_run()
    folder.metrics.unlink()
    ReportObserver(folder, read_status(folder)).finish(0, "failed")
    assert not folder.report.exists()
    assert caplog.text == ""
