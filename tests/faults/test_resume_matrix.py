"""Resumed runs are the uninterrupted ones, wherever they are cut."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gantool

if TYPE_CHECKING:
    from tests.faults.conftest import Fork, Publish, Recipe

STEPS = 10
MOMENTS = {  # 26 images in batches of 6: 4 steps an epoch
    "before the first step": 0,
    "mid-epoch": 6,
    "epoch end": 4,
    "epoch end + 1": 5,
    "last step": 9,
}
PLAIN = {"use": "dcgan", "latent_dim": 8, "width": 4, "discriminator_norm": "none"}
KINDS: dict[str, dict[str, Any]] = {
    "base": {},
    "l2": {"regularizers": [{"use": "l2", "weight_decay": 5e-3}]},
    "spectral": {"regularizers": [{"use": "spectral-norm"}]},
    "lazy R1": {
        "regularizers": [{"use": "r1", "gamma": 1.0, "every_steps": 3}],
        "architecture": PLAIN,
    },
    "ADA with an average": {
        "regularizers": [{"use": "ada"}],
        "ema": {"half_life_images": 30, "ramp_up": 0.1},
    },
}


def cut(whole: Path, run: Path, step: int) -> None:
    """Copy a run as it would be, had it been killed after the checkpoint of a step."""
    shutil.copytree(whole, run)
    for checkpoint in (run / "checkpoints").glob("step-*"):
        if int(checkpoint.name.removeprefix("step-")) > step:
            shutil.rmtree(checkpoint)


def test_every_kind_is_resumed_at_every_moment(
    recipe: Recipe,
    fork: Fork,
    same: Callable[[Path, Path], str | None],
    publish: Publish,
    full: bool,
    tmp_path: Path,
) -> None:
    kinds = list(KINDS) if full else ["ADA with an average"]
    moments = list(MOMENTS) if full else ["mid-epoch", "last step"]
    identical: list[str] = []
    for number, kind in enumerate(kinds):
        tables = {"training": {"steps": STEPS}, "checkpoints": {"every_steps": 1, "keep_last": 99}}
        file, whole = recipe(**tables, **KINDS[kind]), tmp_path / f"whole-{number}"
        gantool.run(file, out=whole, level="quiet")
        for moment in moments:
            run = tmp_path / f"cut-{number}-{MOMENTS[moment]}"
            cut(whole, run, MOMENTS[moment])
            gantool.resume(run, level="quiet")
            if same(whole, run) is None:
                identical.append(f"{kind}, {moment}")
    count = len(kinds) * len(moments)
    publish(
        "2a",
        f"resume at {len(moments)} moments x {len(kinds)} kinds of training",
        f"{len(identical)} of {count} identical",
    )
    assert len(identical) == count, identical


def test_a_resume_of_a_resume_and_of_a_finished_run(
    recipe: Recipe,
    fork: Fork,
    same: Callable[[Path, Path], str | None],
    publish: Publish,
    tmp_path: Path,
) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    gantool.run(recipe(checkpoints={"every_steps": 1, "keep_last": 99}), out=whole, level="quiet")
    cut(whole, run, 3)
    again = tmp_path / "again"
    gantool.resume(run, level="quiet")
    cut(run, again, 7)
    gantool.resume(again, level="quiet")
    assert same(whole, again) is None
    before = {path: path.read_bytes() for path in again.rglob("*") if path.is_file()}
    assert fork(lambda: gantool.resume(again, level="quiet")).wait() == 0
    assert {path: path.read_bytes() for path in again.rglob("*") if path.is_file()} == before
    publish(
        "2b",
        "resume of a resume; resume of a finished run",
        "identical; exit 0 and not a byte changed",
    )
