"""Two processes under torchrun, on one run: as one process, whatever happens to them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gantool.launch import resume, run
from gantool.runs.folder import RunFolder
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.launch.conftest import Write

STEPS = 300


@pytest.fixture
def recipe(write_recipe: Write) -> Path:
    return write_recipe(
        training={"steps": STEPS, "log_every_steps": 10},
        checkpoints={"every_steps": 50},
        device={"name": "cpu", "precision": "float64"},
    )


def torchrun(recipe: Path, out: Path, *, restarts: int = 0) -> subprocess.Popen[str]:
    launcher = ["--standalone", "--nproc-per-node=2", f"--max-restarts={restarts}"]
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            *launcher,
            "-m",
            "gantool",
            "run",
            str(recipe),
            "--out",
            str(out),
            "--verbose",
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], start: str) -> list[str]:
    """Return what a process prints up to a line that starts so."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(start):
            return lines
    raise AssertionError("".join(lines))


def pid_of_rank(parent: int, rank: int) -> int:
    """Return which child of torchrun is a rank."""
    return next(pid for pid, number in ranks_of(parent) if number == rank)


def ranks_of(parent: int) -> Iterator[tuple[int, int]]:
    for task in Path(f"/proc/{parent}/task").iterdir():
        for child in (task / "children").read_text().split():
            for entry in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
                if entry.startswith(b"RANK="):
                    yield int(child), int(entry.removeprefix(b"RANK="))


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in RunFolder(folder).metrics.read_text().splitlines()]


def assert_same_run(found: Path, expected: Path) -> None:
    ours, theirs = records(found), records(expected)
    assert len(ours) == STEPS // 10
    for record, other in zip(ours, theirs, strict=True):
        assert record == pytest.approx(other, rel=1e-6)
    assert read_status(RunFolder(found)).outcome == "completed"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_a_rank_that_dies_is_started_again_and_nothing_is_lost(
    recipe: Path, tmp_path: Path
) -> None:
    process = torchrun(recipe, tmp_path / "pair", restarts=1)
    read_until(process, "step 110/")
    os.kill(pid_of_rank(process.pid, 1), signal.SIGKILL)
    printed = process.communicate()[0]
    assert process.returncode == 0, printed
    run(recipe, out=tmp_path / "alone", level="quiet")
    assert_same_run(tmp_path / "pair", tmp_path / "alone")


def test_a_signal_stops_both_ranks_after_one_step_and_one_process_goes_on(
    recipe: Path, tmp_path: Path
) -> None:
    process = torchrun(recipe, tmp_path / "pair")
    read_until(process, "step 20/")
    process.terminate()
    printed = process.communicate()[0]
    assert printed.count("SIGTERM received; saved after step") == 1, printed
    status = read_status(RunFolder(tmp_path / "pair"))
    assert (status.outcome, 20 <= status.step < STEPS) == ("stopped", True)
    resume(tmp_path / "pair", level="quiet")
    run(recipe, out=tmp_path / "alone", level="quiet")
    assert_same_run(tmp_path / "pair", tmp_path / "alone")
