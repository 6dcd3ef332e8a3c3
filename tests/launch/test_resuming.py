"""What `resume` does about a run whose files are not all there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import gantool
from gantool.errors import UsageError
from gantool.runs.folder import RunFolder
from gantool.runs.status import read_status, write_status

Write = Callable[..., Path]


@pytest.fixture
def run(write_recipe: Write, tmp_path: Path) -> RunFolder:
    """Return a run of 4 steps."""
    return gantool.run(
        write_recipe(training={"steps": 4}), out=tmp_path / "run", level="quiet"
    ).folder


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("found", ["is missing", "is empty"])
def test_a_run_without_its_checkpoints_does_not_begin_again(run: RunFolder, found: str) -> None:
    shutil.rmtree(run.checkpoints)
    if found == "is empty":
        run.checkpoints.mkdir()
    before = contents(run.path)
    with pytest.raises(UsageError, match=f"up to step 4, but .*checkpoints {found}") as caught:
        gantool.resume(run.path, level="quiet")
    assert f"gantool run {run.recipe}" in str(caught.value.hint)
    assert contents(run.path) == before


@pytest.mark.parametrize("kept", ["timing.jsonl", "samples", "run.json"])
def test_whatever_tells_of_steps_is_believed(run: RunFolder, kept: str) -> None:
    """Killed before its first figures, or with some of its files lost."""
    shutil.rmtree(run.checkpoints)
    for path in (run.metrics, run.timing):
        if path.name != kept:
            path.unlink()
    if kept != "samples":
        shutil.rmtree(run.samples)
    if kept != "run.json":
        write_status(run, replace(read_status(run), step=0, outcome="running"))
    with pytest.raises(UsageError, match="there is nothing to go on from"):
        gantool.resume(run.path, level="quiet")


def test_a_run_that_was_killed_before_its_first_checkpoint_begins(
    run: RunFolder, tmp_path: Path
) -> None:
    killed = RunFolder(tmp_path / "killed")
    killed.path.mkdir()
    killed.samples.mkdir()
    shutil.copy(run.recipe, killed.recipe)
    write_status(killed, replace(read_status(run), step=0, outcome="running"))
    assert gantool.resume(killed.path, level="quiet").step == 4
    assert killed.metrics.read_bytes() == run.metrics.read_bytes()


@pytest.mark.parametrize("outcome", ["running", "failed", "stopped"])
def test_a_run_whose_end_was_not_written_is_finished(run: RunFolder, outcome: str) -> None:
    """Killed after its last checkpoint: pictures, figures and checkpoints stay as they are."""
    made = [run.report, run.curves, run.sample_grid(4)]
    before = contents(run.path)
    for path in made:
        path.unlink()
    status = json.dumps({**asdict(read_status(run)), "step": 0, "outcome": outcome})
    run.description.write_text(status, encoding="utf-8")
    gantool.resume(run.path, level="quiet")
    status_now = read_status(run)
    assert (status_now.outcome, status_now.step) == ("completed", 4)
    after = contents(run.path)
    assert after.keys() == before.keys()
    for path in (run.metrics, run.sample_grid(4), run.checkpoints / "step-00000004" / "state.pt"):
        assert after[path] == before[path]


def test_an_option_that_a_run_did_not_know_is_named(write_recipe: Write, tmp_path: Path) -> None:
    """As `conditioning`, which conditional runs of before have as "latent" and do not say."""
    told = {"conditioning": "latent"}
    recipe = write_recipe(architecture=told, training={"steps": 2, "conditional": True})
    run = gantool.run(recipe, out=tmp_path / "run", level="quiet").folder
    lines = run.recipe.read_text().splitlines()
    run.recipe.write_text("\n".join(line for line in lines if "conditioning" not in line))
    for use in (lambda: gantool.load(run.path).sample(1), lambda: gantool.resume(run.path)):
        with pytest.raises(UsageError, match="another structure") as caught:
            use()
        assert f'{run.recipe} does not say conditioning = "norm"' in str(caught.value.hint)
        assert "gantool describe architecture/dcgan" in str(caught.value.hint)
