"""Stop signals: everything is saved, at once."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import gantool
from gantool.runs.checkpoints import Checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.conftest import Fork, Publish, Recipe, Victim

LONG = {
    "training": {"steps": 5000, "batch_size": 6, "log_every_steps": 2},
    "checkpoints": {"every_seconds": 3600.0},
}
PATIENCE = 60.0


def wait_for(victim: Victim, step: int) -> None:
    """Let a victim come to a step."""
    limit = time.monotonic() + PATIENCE
    while victim.step < step:
        assert time.monotonic() < limit, victim.output.read_text()
        time.sleep(0.002)


def test_a_stop_loses_nothing(
    recipe: Recipe,
    fork: Fork,
    newest_step: Callable[[Path], int | None],
    publish: Publish,
    full: bool,
    tmp_path: Path,
) -> None:
    file, chance = recipe(**LONG), random.Random(0)
    times, lost, slowest = 50 if full else 4, 0, 0.0
    for number in range(times):
        kind = (signal.SIGTERM, signal.SIGINT)[number % 2]
        run = tmp_path / f"run-{number}"
        victim = fork(lambda run=run: gantool.run(file, out=run, level="quiet"))
        wait_for(victim, chance.randint(1, 40))
        time.sleep(chance.uniform(0, 0.02))
        struck = time.monotonic()
        victim.strike(kind)
        assert victim.wait() == 128 + kind, victim.output.read_text()
        slowest = max(slowest, time.monotonic() - struck)
        lost += victim.step - (newest_step(run) or 0)
    publish(
        "3a",
        f"SIGTERM and SIGINT at {times} random moments",
        f"{lost} steps lost, exit 143 and 130, the slowest after {slowest:.2f} s",
    )
    assert lost == 0
    assert slowest < 5


def test_a_second_sigint_stops_at_once(
    recipe: Recipe, fork: Fork, publish: Publish, tmp_path: Path
) -> None:
    """The first is honored by a save that takes for ever; the second does not wait for it."""
    saving = tmp_path / "saving"

    def slow_disk() -> None:
        save = Checkpoints.save

        def never_ending(self: Checkpoints, step: int, state: dict[str, object]) -> object:
            if step == 0:
                return save(self, step, state)
            saving.touch()
            time.sleep(PATIENCE)
            raise AssertionError

        Checkpoints.save = never_ending  # type: ignore[method-assign, assignment]

    file = recipe(**LONG)
    victim = fork(lambda: gantool.run(file, out=tmp_path / "run", level="quiet"), slow_disk)
    wait_for(victim, 2)
    victim.strike(signal.SIGINT)
    limit = time.monotonic() + PATIENCE
    while not saving.exists():
        assert time.monotonic() < limit
        time.sleep(0.002)
    struck = time.monotonic()
    victim.strike(signal.SIGINT)
    assert victim.wait() == 130
    seconds = time.monotonic() - struck
    publish("3b", "a second SIGINT while the first is saving", f"exit 130 after {seconds:.2f} s")
    assert seconds < 5
