"""Run folders without a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gantool.runs.folder import RunFolder
from gantool.runs.status import new_status, write_status

RECIPE = """
[image]
size = 8
[training]
steps = 100
[sampling]
count = 4
[health]
policy = "warn"
"""
MakeRun = Callable[..., RunFolder]


def figures(step: int) -> dict[str, Any]:
    """Return what a healthy step looks like."""
    scores = {"real_score": 0.6, "fake_score": 0.4}
    losses = {"discriminator_loss": 1.2, "generator_loss": 0.9 + 1 / step}
    norms = {"discriminator_gradient_norm": 3.0, "generator_gradient_norm": 2.0}
    return {"step": step, "epoch": step / 10, **scores, **losses, **norms}


def as_lines(records: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Return what writes the folder of a run of 100 steps and 10 epochs."""

    def make(outcome: Any = "completed", **files: Iterable[Mapping[str, Any]]) -> RunFolder:
        folder = RunFolder(tmp_path / "run")
        folder.samples.mkdir(parents=True)
        folder.recipe.write_text(RECIPE, encoding="utf-8")
        write_status(folder, new_status("tiny", 100).at(100, outcome))
        contents: dict[str, Iterable[Mapping[str, Any]]] = {
            "metrics": map(figures, range(10, 101, 10)),
            "timing": (
                {"step": step, "seconds": 2.0, "images_per_second": 50.0 + step}
                for step in range(10, 101, 10)
            ),
            **files,
        }
        for name, records in contents.items():
            path: Path = getattr(folder, name)
            path.write_text(as_lines(records), encoding="utf-8")
        return folder

    return make
