"""Training, going on, drawing and listing, through the command line."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gantool.launch import load
from gantool.launch.benchmarking import timing
from gantool.runs.folder import RunFolder
from gantool.runs.status import hold, read_status, write_status


@pytest.fixture
def trained(gantool: Callable[..., Any], recipe: Path) -> Path:
    """Train the tiny recipe."""
    outcome = gantool("run", recipe, "--out", "runs/a")
    assert outcome.code == 0
    return Path("runs/a")


def test_a_run_prints_its_folder_and_shows_the_rest_on_stderr(
    gantool: Callable[..., Any], recipe: Path
) -> None:
    outcome = gantool("run", recipe)
    assert outcome.code == 0
    folder = Path(outcome.stdout.rstrip("\n"))
    assert folder.parent == Path("runs")
    assert folder.name.startswith("tiny-")
    assert (folder / "recipe.toml").is_file()
    assert "gantool sample" in outcome.stderr


def test_options_are_overrides(gantool: Callable[..., Any], recipe: Path) -> None:
    words = ("--set", "training.steps=9", "--steps", 3, "--device", "cpu", "--quiet")
    outcome = gantool("run", recipe, "--out", "here", *words)
    assert (outcome.code, outcome.stdout) == (0, "here\n")
    assert load("here").step == 3
    assert gantool("run", recipe, "--device", "toaster").code == 2


def test_a_folder_with_a_run_is_refused(
    gantool: Callable[..., Any], recipe: Path, trained: Path
) -> None:
    outcome = gantool("run", recipe, "--out", trained)
    assert outcome.code == 2
    assert f"gantool resume {trained}" in outcome.stderr


def test_a_dry_run_leaves_nothing(gantool: Callable[..., Any], recipe: Path) -> None:
    outcome = gantool("run", recipe, "--dry-run", "--steps", 36_000)
    assert (outcome.code, outcome.stdout) == (0, "")
    assert list(Path().iterdir()) == []


def test_a_dry_run_says_what_the_whole_run_takes(
    gantool: Callable[..., Any], recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """36,000 steps of the 0.1 s that the clock is told to have passed in each: an hour."""
    clock = itertools.count(0.0, 0.1)
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    lines = gantool("run", recipe, "--dry-run", "--steps", 36_000).stderr.splitlines()
    assert "time     about 1 h 0 min: 36,000 steps, 0.1 s each" in lines
    assert any(re.fullmatch(r"memory   [\d,]+ MiB at the peak, on CPU, float32", x) for x in lines)
    assert any(re.fullmatch(r"disk     3 checkpoints of [\d,]+ MiB each", x) for x in lines)


def test_resume_takes_the_newest_run_further(gantool: Callable[..., Any], trained: Path) -> None:
    outcome = gantool("resume", "--steps", 5)
    assert (outcome.code, outcome.stdout) == (0, f"{trained}\n")
    assert load(trained).step == 5
    assert gantool("resume", trained, "--device", "toaster").code == 2
    assert gantool("resume", "nowhere").code == 2


def test_sample_writes_what_the_python_interface_draws(
    gantool: Callable[..., Any], trained: Path
) -> None:
    outcome = gantool("sample", trained, "--count", 3, "--seed", 4, "--out", "drawn")
    assert outcome.stdout.splitlines() == ["drawn/0000.png", "drawn/0001.png", "drawn/0002.png"]
    images = load(trained).sample(3, seed=4).permute(0, 2, 3, 1).numpy()  # [N, H, W, C]
    for path, image in zip(outcome.stdout.split(), images, strict=True):
        with Image.open(path) as picture:
            pixels = np.asarray(picture, dtype=np.float64)
        assert np.abs(pixels - (image.astype(np.float64) + 1) * 127.5).max() <= 0.5 + 1e-4


def test_sample_draws_a_grid_of_one_class_into_the_run(
    gantool: Callable[..., Any], trained: Path
) -> None:
    before = set(trained.glob("samples/step-*.png"))
    outcome = gantool("sample", trained, "--grid", "--count", 4, "--class", "dusk")
    (path,) = map(Path, outcome.stdout.splitlines())
    assert path.parent == trained / "samples"
    assert "dusk" in path.name
    with Image.open(path) as grid:
        assert min(grid.size) >= 2 * 16
    assert set(trained.glob("samples/step-*.png")) == before, "training's own grids are untouched"
    assert gantool("sample", trained, "--grid", "--class", "1", "--out", "x/1.png").code == 0
    assert Path("x/1.png").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--class", "noon"], "classes: dawn, dusk"),
        (["--grid", "--out", "folder"], "with --grid, --out is a PNG file"),
        (["--out", "file.png"], "without --grid, --out is a folder"),
        (["--count", "0"], "--count"),
    ],
)
def test_sample_refuses_what_cannot_be_drawn(
    words: list[str], said: str, gantool: Callable[..., Any], trained: Path
) -> None:
    outcome = gantool("sample", trained, *words)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert said in outcome.stderr


def test_runs_are_listed_newest_first(gantool: Callable[..., Any], trained: Path) -> None:
    run = RunFolder(trained)
    created = read_status(run).created
    assert gantool("list-runs").records == [["runs/a", "tiny", "2", "2", "completed", created]]
    (listed,) = json.loads(gantool("list-runs", "runs", "--json").stdout)
    assert listed["run"] == "runs/a"
    assert listed["identifier"] == read_status(run).identifier


def test_a_run_that_was_killed_is_not_called_running(
    gantool: Callable[..., Any], trained: Path
) -> None:
    run = RunFolder(trained)
    write_status(run, read_status(run).at(1, "running"))
    assert gantool("list-runs").records[0][4] == "interrupted"
    with hold(run):
        assert gantool("list-runs").records[0][4] == "running"


def test_a_damaged_status_does_not_hide_the_other_runs(
    gantool: Callable[..., Any], trained: Path
) -> None:
    broken = Path("runs/broken")
    broken.mkdir()
    (broken / "recipe.toml").touch()
    (broken / "run.json").write_text("{", encoding="utf-8")
    records = gantool("list-runs").records
    assert [record[0] for record in records] == ["runs/broken", "runs/a"]
    assert records[0][4] == "unknown"


def test_no_runs_are_no_records(gantool: Callable[..., Any]) -> None:
    outcome = gantool("list-runs")
    assert (outcome.code, outcome.stdout) == (0, "")
    assert outcome.stderr == "no runs in runs\n"
    assert gantool("list-runs", "--json").stdout == "[]\n"


def test_environment_names_versions_and_plugins(gantool: Callable[..., Any]) -> None:
    found = json.loads(gantool("environment", "--json").stdout)
    assert found["plugins"]["losses"].startswith("gantool ")
    lines = gantool("environment").stdout.splitlines()
    assert f"gantool     {found['gantool']}" in lines
    assert any(line.split() == ["torch", found["packages"]["torch"]] for line in lines)


def test_damaged_runs_are_named_and_the_others_listed(
    gantool: Callable[..., Any], trained: Path
) -> None:
    true = json.loads((trained / "run.json").read_text())
    damaged: dict[str, dict[str, Any]] = {
        "b": {"created": 7, "identifier": ["x"]},
        "c": {"steps": None},
        "d": {"steps": 10**25},
        "e": {"created": "9999-12-31T23:59:59-12:00"},
    }
    for name, change in damaged.items():
        (trained.with_name(name)).mkdir()
        shutil.copy(trained / "recipe.toml", trained.with_name(name))
        (trained.with_name(name) / "run.json").write_text(json.dumps({**true, **change}))
    outcome = gantool("list-runs")
    assert outcome.code == 0
    found = {record[0]: record[1:5] for record in outcome.records}
    whole = ["tiny", "2", "2", "completed"]
    lost = ["", "", "", "unknown"]
    assert found == {
        "runs/a": whole, "runs/b": whole, "runs/c": lost, "runs/d": lost, "runs/e": whole
    }  # fmt: skip
    assert sorted(outcome.stderr.splitlines()) == [
        "warning: runs/b/run.json: created: expected text in quotes, got 7; it is left out",
        "warning: runs/b/run.json: identifier: expected text in quotes, got ['x']; it is left out",
        "warning: runs/c/run.json: steps: expected a whole number, got None",
        f"warning: runs/d/run.json: steps: expected at most {10**12}, got {10**25}",
    ]
