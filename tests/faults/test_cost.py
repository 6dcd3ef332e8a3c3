"""What checkpoints cost at the default interval, for networks of the report's size."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest

from gantool.launch.session import assemble, prepare, read
from gantool.recipe.schema import CheckpointsTable
from gantool.reporting.console.messages import open_console
from gantool.runs.checkpoints import Checkpoints
from gantool.training.state.saving import Saver

if TYPE_CHECKING:
    from tests.faults.conftest import Publish, Recipe

SAVES = 15


def test_checkpoints_cost_under_one_percent(
    recipe: Recipe, publish: Publish, full: bool, tmp_path: Path
) -> None:
    if not full:
        pytest.skip("a measurement: takes a disk to itself, with --faults=full")
    networks = {"use": "dcgan"}
    file = recipe(architecture=networks, image={"size": 64}, training={"steps": SAVES + 1})
    loaded = read(file, ["architecture.width=64", "architecture.latent_dim=150"])
    trainer = assemble(loaded, prepare(loaded, open_console(), "quiet")).trainer
    table = CheckpointsTable()
    trainer.saver = Saver(Checkpoints(tmp_path / "checkpoints", "run"), table)
    seconds = []
    for _ in range(SAVES):
        trainer.one_step()
        started = time.perf_counter()
        trainer.save()
        seconds.append(time.perf_counter() - started)
    size = next((tmp_path / "checkpoints").glob("*/state.pt")).stat().st_size / 2**20
    assert table.every_seconds is not None
    took = median(seconds)
    share = took / (table.every_seconds + took)
    publish(
        "10",
        f"a checkpoint of {size:.0f} MB (the report's networks), every {table.every_seconds:.0f} s",
        f"{took:.2f} s, the median of {SAVES}, {min(seconds):.2f} s at best; "
        f"{share:.2%} of the time",
    )
    assert share < 0.01
