"""kill -9 at any moment: no run is lost, and none becomes another."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import gantool

if TYPE_CHECKING:
    from tests.faults.conftest import Disk, Fork, Publish, Recipe

EVERY_STEPS = 3


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
