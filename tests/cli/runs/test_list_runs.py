"""Listing runs changes nothing, and says how far they are."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gantool.runs.folder import RunFolder, list_runs
from gantool.runs.status import LOCK, hold, new_status, write_status


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder of two runs that were killed, the second after the first."""
    for number in (1, 2):
        folder = RunFolder(tmp_path / "runs" / f"run-{number}")
        folder.path.mkdir(parents=True)
        folder.recipe.write_text("", encoding="utf-8")
        folder.metrics.write_text('{"step": 4}\n{"step": 8}\n{"st', encoding="utf-8")
        (folder.checkpoints / "step-00000006").mkdir(parents=True)
        write_status(folder, new_status("run", 100))
        for path in (folder.description, folder.metrics):
            os.utime(path, (number, number))
    return tmp_path / "runs"


def everything(folder: Path) -> dict[Path, tuple[int, int]]:
    paths = [folder, *folder.rglob("*")]
    return {path: (path.lstat().st_mtime_ns, path.lstat().st_ino) for path in paths}


def test_listing_changes_nothing(gantool: Callable[..., Any], runs: Path) -> None:
    """Neither where a lock was left, nor where there is none."""
    (runs / "run-1" / LOCK).touch()
    before = everything(runs)
    for _ in range(2):
        outcome = gantool("list-runs", runs)
        assert [Path(record[0]).name for record in outcome.records] == ["run-2", "run-1"]
    assert everything(runs) == before


def test_looking_at_a_run_does_not_make_it_the_newest(runs: Path) -> None:
    """Other commands write reports and scores into a run; `resume` takes the one trained last."""
    (runs / "run-1" / "report.html").touch()
    (runs / "run-1" / "evaluations.jsonl").touch()
    assert [run.name for run in list_runs(runs)] == ["run-2", "run-1"]


def test_a_run_that_goes_shows_its_last_figures_and_a_killed_one_its_checkpoint(
    gantool: Callable[..., Any], runs: Path
) -> None:
    with hold(RunFolder(runs / "run-2")):
        found = json.loads(gantool("list-runs", runs, "--json").stdout)
    told = {Path(run["run"]).name: (run["outcome"], run["step"]) for run in found}
    assert told == {"run-2": ("running", 8), "run-1": ("interrupted", 6)}


def test_nothing_is_followed_or_emptied_by_listing(
    gantool: Callable[..., Any], runs: Path, tmp_path: Path
) -> None:
    """A stranger's folder links what a listing might touch to a file of the user's."""
    mine = tmp_path / "mine"
    mine.write_text("mine", encoding="utf-8")
    for name in (".holder", ".lock", ".tmp-run.json"):
        (runs / "run-1" / name).symlink_to(mine)
    os.mkfifo(runs / "run-1" / "environment.json")
    assert gantool("list-runs", runs).code == 0
    assert mine.read_text() == "mine"
    assert (runs / "run-1" / ".holder").is_symlink()
