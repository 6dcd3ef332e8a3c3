"""kill -9 at any moment: no run is lost, and none becomes another."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gantool
from gantool.files.disk import write_durably
from gantool.runs.checkpoints import Checkpoint, Checkpoints
from gantool.runs.folder import RunFolder
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from tests.faults.conftest import Disk, Fork, Publish, Recipe

EVERY_STEPS = 3
STEPS = 8
SCORED: dict[str, Any] = {
    "training": {"steps": STEPS},
    "checkpoints": {"every_steps": 4, "keep_last": 1},
    "metrics": [{"use": "fid"}],
    "evaluation": {"count": 12, "every_epochs": 1},
}


def test_killed_runs_are_finished_as_if_nothing_had_happened(
    recipe: Recipe,
    *,
    fork: Fork,
    finish: Callable[[Path, Path], int],
    same: Callable[[Path, Path], str | None],
    newest_step: Callable[[Path], int | None],
    killed_at_write: Callable[[int], Disk],
    publish: Publish,
    full: bool,
    tmp_path: Path,
) -> None:
    """Half of them die at a random moment, half in the middle of a random write."""
    file, chance = recipe(), random.Random(0)
    whole, kills = tmp_path / "whole", 100 if full else 6
    gantool.run(file, out=whole, level="quiet")
    writes, seconds = measured(file, tmp_path, fork, killed_at_write)
    identical, lost_runs, most_lost, second_deaths = 0, 0, 0, 0
    for number in range(kills):
        run = tmp_path / f"run-{number}"
        for death in range(1 + (chance.random() < 0.3)):
            second_deaths += death
            if number % 2:
                at = killed_at_write(chance.randrange(writes))
                victim = fork(lambda run=run: go_on(file, run), at.install)
            else:
                victim = fork(lambda run=run: go_on(file, run))
                time.sleep(chance.uniform(0, seconds))
                victim.strike(signal.SIGKILL)
            code = victim.wait()
            assert code in (-signal.SIGKILL, 0), victim.output.read_text()
            if (run / "recipe.toml").exists() and victim.step:
                saved = newest_step(run)
                lost_runs += saved is None
                most_lost = max(most_lost, victim.step - (saved or 0))
        assert finish(file, run) == 0, (tmp_path / "victim.txt").read_text()
        identical += same(whole, run) is None
    publish(
        "1",
        f"kill -9 at {kills} random moments of training and saving, {second_deaths} runs twice",
        f"{lost_runs} lost runs; {identical} of {kills} identical to the uninterrupted one; "
        f"at most {most_lost} steps lost, {EVERY_STEPS} being the interval",
    )
    assert lost_runs == 0
    assert identical == kills
    assert most_lost <= EVERY_STEPS


def go_on(recipe: Path, run: Path) -> None:
    if (run / "recipe.toml").exists():
        gantool.resume(run, level="quiet")
    else:
        gantool.run(recipe, out=run, level="quiet")


def measured(
    file: Path, folder: Path, fork: Fork, killed_at_write: Callable[[int], Disk]
) -> tuple[int, float]:
    """Return how many writes a run makes, and how long it takes."""
    count, disk = folder / "count", killed_at_write(10**9)

    def work() -> None:
        disk.install()
        gantool.run(file, out=folder / "measured", level="quiet")
        count.write_text(str(disk.count))

    started = time.monotonic()
    victim = fork(work)
    assert victim.wait() == 0, victim.output.read_text()
    writes = int(count.read_text())
    assert writes > 50
    return writes, time.monotonic() - started


def test_a_run_killed_at_its_end_is_finished(
    recipe: Recipe,
    *,
    fork: Fork,
    finish: Callable[[Path, Path], int],
    same: Callable[[Path, Path], str | None],
    killed_at_write: Callable[[int], Disk],
    publish: Publish,
    full: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """It dies at each write from the last checkpoint on; all that belongs to the end is there."""

    def draw(records: object, path: Path, name: str) -> None:
        write_durably(path, f"{name}: {records}")

    monkeypatch.setattr("gantool.reporting.pictures.curves.draw_curves", draw)
    file, whole = recipe(**SCORED), tmp_path / "whole"
    gantool.run(file, out=whole, level="quiet")
    first, last = end_of(file, tmp_path, fork, killed_at_write)
    moments = range(first, last) if full else random.Random(0).sample(range(first, last), 4)
    done = 0
    for at in moments:
        run = tmp_path / f"run-{at}"
        victim = fork(lambda run=run: go_on(file, run), killed_at_write(at).install)
        assert victim.wait() == -signal.SIGKILL, victim.output.read_text()
        assert finish(file, run) == 0, (tmp_path / "victim.txt").read_text()
        assert same(whole, run) is None, at
        assert names(run) == names(whole), at
        assert best(run) == best(whole), at
        status = read_status(RunFolder(run))
        done += (status.outcome, status.step) == ("completed", STEPS)
    publish(
        "1b",
        f"kill -9 at each of {last - first} writes from the last checkpoint on",
        f"{done} of {len(moments)} finished by resume: outcome, curves, report, score; "
        "nothing left behind",
    )
    assert done == len(moments)


def end_of(
    file: Path, folder: Path, fork: Fork, killed_at_write: Callable[[int], Disk]
) -> tuple[int, int]:
    """Return the number of the first write of a run's last checkpoint, and of all its writes."""
    disk, numbers = killed_at_write(10**9), folder / "numbers"
    begun: list[int] = []

    def work() -> None:
        save = Checkpoints.save

        def noted(self: Checkpoints, *arguments: Any, **options: Any) -> Checkpoint:
            begun.append(disk.count)
            return save(self, *arguments, **options)

        Checkpoints.save = noted  # type: ignore[method-assign]
        disk.install()
        gantool.run(file, out=folder / "numbered", level="quiet")
        numbers.write_text(f"{begun[-1]} {disk.count}")

    victim = fork(work)
    assert victim.wait() == 0, victim.output.read_text()
    first, last = map(int, numbers.read_text().split())
    assert last - first > 15
    return first, last


def names(run: Path) -> set[str]:
    """Return the names of all files of a run."""
    return {str(path.relative_to(run)) for path in run.rglob("*")}


def best(run: Path) -> list[tuple[int, float | None]]:
    saved = Checkpoints(run / "checkpoints", "").all()
    return [(checkpoint.step, checkpoint.score()) for checkpoint in saved]
