"""Two processes cannot work on one run; a dead one keeps nobody out."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import gantool

if TYPE_CHECKING:
    from tests.faults.conftest import Fork, Publish, Recipe

LONG = {"training": {"steps": 5000}, "checkpoints": {"every_steps": 2}}


def test_the_second_is_told_who_holds_the_run(
    recipe: Recipe, fork: Fork, publish: Publish, tmp_path: Path
) -> None:
    file, run = recipe(**LONG), tmp_path / "run"
    holder = fork(lambda: gantool.run(file, out=run, level="quiet"))
    limit = time.monotonic() + 60
    while holder.step < 3:
        assert time.monotonic() < limit, holder.output.read_text()
        time.sleep(0.002)
    second = fork(lambda: gantool.resume(run, level="quiet"))
    assert second.wait() == 2
    said = second.output.read_text()
    assert f"is in use by process {holder.process}" in said
    assert "--out" not in said
    holder.strike(signal.SIGKILL)
    assert holder.wait() == -signal.SIGKILL
    assert (run / ".holder").read_text() == f"{holder.process}\n"  # nobody was there to remove it
    reached = holder.step
    third = fork(lambda: gantool.resume(run, steps=reached + 4, level="quiet"))
    assert third.wait() == 0, third.output.read_text()
    assert not (run / ".holder").exists()
    publish(
        "8",
        "two processes in one run folder; the holder killed with -9",
        "the second exits 2 and names the holder's process id; after the kill it takes over",
    )
