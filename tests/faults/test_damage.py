"""Damaged checkpoints are detected, named, and the one before is used."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gantool
from gantool.errors import UsageError
from gantool.runs.checkpoints import MANIFEST, STATE, Checkpoint, Checkpoints
from gantool.runs.folder import RunFolder
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from tests.faults.conftest import Publish, Recipe


@pytest.fixture
def run(recipe: Recipe, tmp_path: Path) -> Path:
    """Return a run with checkpoints of the steps 2 and 4."""
    tables = {"training": {"steps": 4}, "checkpoints": {"every_steps": 2, "keep_last": 2}}
    gantool.run(recipe(**tables), out=tmp_path / "run", level="quiet")
    return tmp_path / "run"


def newest(run: Path) -> tuple[Checkpoint | None, list[str]]:
    folder = RunFolder(run)
    return Checkpoints(folder.checkpoints, read_status(folder).identifier).newest()


def passed_over(run: Path, damaged: Path) -> bool:
    """Whether the newest checkpoint is named as damaged and the one before it is used."""
    checkpoint, damages = newest(run)
    named = len(damages) == 1 and str(damaged) in damages[0]
    return named and checkpoint is not None and checkpoint.step == 2


def changed(file: Path, versions: Iterator[bytes]) -> Iterator[None]:
    """Put each version into a file, and the true one at the end."""
    true = file.read_bytes()
    for version in versions:
        file.write_bytes(version)
        yield
    file.write_bytes(true)


def flips(data: bytes, count: int, chance: random.Random) -> Iterator[bytes]:
    for _ in range(count):
        flipped = bytearray(data)
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        yield bytes(flipped)


def test_every_truncation_and_every_flipped_bit_is_detected(
    run: Path, publish: Publish, full: bool, caplog: pytest.LogCaptureFixture
) -> None:
    last, chance = run / "checkpoints" / "step-00000004", random.Random(0)
    state, manifest = last / STATE, last / MANIFEST
    data = state.read_bytes()
    lengths = [len(data) * part // 64 for part in range(1, 64)]
    lengths += [0, 1, len(data) - 1, len(data) // 3]
    cuts = [passed_over(run, last) for _ in changed(state, (data[:length] for length in lengths))]
    count, text = 1000 if full else 60, manifest.read_bytes()
    bits = [passed_over(run, last) for _ in changed(state, flips(data, count, chance))]
    bits += [passed_over(run, last) for _ in changed(manifest, flips(text, count, chance))]
    assert len(cuts) == 67
    assert newest(run)[1] == []
    publish("4a", f"the newest checkpoint cut to {len(cuts)} lengths", f"{sum(cuts)} detected")
    publish("4b", f"{count} bits flipped in each of its files", f"{sum(bits)} of {len(bits)} found")
    assert all(cuts)
    assert all(bits)


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def test_missing_and_foreign_files_are_named(
    run: Path, recipe: Recipe, publish: Publish, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    last = run / "checkpoints" / "step-00000004"
    gantool.run(recipe(training={"steps": 4}), out=tmp_path / "other", level="quiet")
    foreign = tmp_path / "other" / "checkpoints" / "step-00000004"
    faults: dict[str, Callable[[], object]] = {
        "the state removed": (last / STATE).unlink,
        "the manifest removed": (last / MANIFEST).unlink,
        "both removed": lambda: empty(last),
        "an empty manifest": lambda: (last / MANIFEST).write_bytes(b""),
        "a manifest nested 100,000 deep": lambda: (last / MANIFEST).write_text("[" * 100_000),
        "another run's manifest": lambda: shutil.copy(foreign / MANIFEST, last),
        "another run's checkpoint": lambda: shutil.copytree(foreign, last, dirs_exist_ok=True),
        "an older checkpoint of this run": lambda: shutil.copytree(
            last.with_name("step-00000002"), last, dirs_exist_ok=True
        ),
        "a folder where the state should be": lambda: replace_by_folder(last / STATE),
    }
    spare, found = tmp_path / "spare", 0
    shutil.copytree(last, spare)
    for fault, inflict in faults.items():
        inflict()
        assert passed_over(run, last), fault
        found += 1
        shutil.rmtree(last)
        shutil.copytree(spare, last)
    (last / STATE).unlink()
    assert gantool.resume(run, level="quiet").step == 4
    assert f"checkpoint passed over: {last}" in caplog.text
    publish("4c", f"{len(faults)} kinds of missing and foreign files", f"{found} detected, named")


def test_when_none_is_intact_all_are_named(run: Path) -> None:
    for state in (run / "checkpoints").glob(f"*/{STATE}"):
        state.write_bytes(b"")
    with pytest.raises(UsageError, match=r"no intact checkpoint: .*step-00000004.*step-00000002"):
        gantool.resume(run, level="quiet")
    manifest = json.loads((run / "checkpoints" / "step-00000004" / MANIFEST).read_text())
    assert manifest["step"] == 4
