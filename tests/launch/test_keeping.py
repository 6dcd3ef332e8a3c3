"""A run's folder that is renamed or deleted while the run is trained is not made again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import gantool
from gantool.errors import DiskError
from gantool.runs.folder import RunFolder
from gantool.runs.status import read_status
from gantool.training.trainer import Trainer

Write = Callable[..., Path]
At = Callable[[int, Callable[[], object]], None]


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> At:
    """Return what lets something happen during a step."""
    one_step = Trainer.one_step

    def happen(step: int, what: Callable[[], object]) -> None:
        waiting = [what]

        def stepped(trainer: Trainer) -> None:
            one_step(trainer)
            if trainer.step == step and waiting:
                waiting.pop()()

        monkeypatch.setattr(Trainer, "one_step", stepped)

    return happen


def test_a_renamed_folder_is_where_the_run_goes_on(
    write_recipe: Write, at_step: At, tmp_path: Path
) -> None:
    run, moved = tmp_path / "run", tmp_path / "moved"
    at_step(5, lambda: run.rename(moved))
    with pytest.raises(DiskError, match="was renamed or deleted while") as caught:
        gantool.run(write_recipe(), out=run, level="quiet")
    assert "checkpoint of step 4 is intact" in str(caught.value.hint)
    assert f"gantool resume {moved}" in str(caught.value.hint)
    assert not run.exists()
    assert gantool.resume(moved, level="quiet").step == 8


def test_a_deleted_folder_is_not_made_again(
    write_recipe: Write, at_step: At, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    at_step(5, lambda: shutil.rmtree(run))
    with pytest.raises(DiskError, match="was renamed or deleted while") as caught:
        gantool.run(write_recipe(), out=run, level="quiet")
    assert "nothing is left of it" in str(caught.value.hint)
    assert not run.exists()


def test_another_run_in_its_place_is_left_alone(
    write_recipe: Write, at_step: At, tmp_path: Path
) -> None:
    """The name is free once the folder is renamed, and the next run takes it."""
    run, others = tmp_path / "run", []

    def replace() -> None:
        run.rename(tmp_path / "moved")
        recipe = write_recipe("other", training={"steps": 2})
        other = gantool.run(recipe, ["training.seed=7"], out=run, level="quiet")
        (run / ".holder").write_text("1\n", encoding="utf-8")  # somebody is at work on it
        others.append({path: path.read_bytes() for path in run.rglob("*") if path.is_file()})
        assert other.step == 2

    recipe = write_recipe()
    at_step(5, replace)
    with pytest.raises(DiskError, match="was renamed or deleted while"):
        gantool.run(recipe, out=run, level="quiet")
    assert [{path: path.read_bytes() for path in run.rglob("*") if path.is_file()}] == others
    assert read_status(RunFolder(run)).outcome == "completed"
