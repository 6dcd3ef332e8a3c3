"""Stop signals: everything is saved, at once."""

from __future__ import annotations

import errno
import os
import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import gantool
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.folder import RunFolder
from gantool.runs.status import read_status

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
    recipe: Recipe,
    fork: Fork,
    publish: Publish,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The first is honored by a save that takes for ever; the second waits for nothing."""
    saving, drawn = tmp_path / "saving", tmp_path / "drawn"

    def slow_disk() -> None:
        save = Checkpoints.save

        def never_ending(self: Checkpoints, step: int, *rest: Any) -> object:
            if step == 0:
                return save(self, step, *rest)
            saving.touch()
            time.sleep(PATIENCE)
            raise AssertionError

        Checkpoints.save = never_ending  # type: ignore[method-assign, assignment]

    def note_drawing() -> None:
        for what in ("pictures.curves.draw_curves", "report.writing.write_report"):
            monkeypatch.setattr(f"gantool.reporting.{what}", lambda *_, **__: drawn.touch())

    file, run = recipe(**LONG), tmp_path / "run"
    victim = fork(lambda: gantool.run(file, out=run, level="quiet"), slow_disk, note_drawing)
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
    assert not drawn.exists()
    status = read_status(RunFolder(run))
    assert (status.outcome, status.step) == ("stopped", 0)
    assert (run / "metrics.jsonl").exists()
    publish("3b", "a second SIGINT while the first is saving", f"exit 130 after {seconds:.2f} s")
    assert seconds < 5


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_that_cannot_be_saved_says_what_is_on_the_disk(
    recipe: Recipe,
    fork: Fork,
    newest_step: Callable[[Path], int | None],
    kind: signal.Signals,
    tmp_path: Path,
) -> None:
    def full_disk() -> None:
        save = Checkpoints.save

        def refused(self: Checkpoints, step: int, *rest: Any) -> object:
            if step == 0:
                return save(self, step, *rest)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        Checkpoints.save = refused  # type: ignore[method-assign, assignment]

    file, run = recipe(**LONG), tmp_path / "run"
    victim = fork(lambda: gantool.run(file, out=run, level="quiet"), full_disk)
    wait_for(victim, 2)
    victim.strike(kind)
    assert victim.wait() == 6
    said = victim.output.read_text()
    assert "No space left on device; the newest checkpoint is of step 0" in said
    assert f"gantool resume {run}" in said
    assert "saved after" not in said
    assert newest_step(run) == 0
    status = read_status(RunFolder(run))
    assert (status.outcome, status.step) == ("failed", 0)
