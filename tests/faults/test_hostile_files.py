"""A run folder from a stranger is data: nothing in it runs, and nothing in it explodes."""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

import gantool
from gantool.errors import UsageError
from gantool.runs.checkpoints import MANIFEST, STATE, Checkpoint

if TYPE_CHECKING:
    from tests.faults.conftest import Fork, Publish, Recipe

MEGABYTE = 2**20


@pytest.fixture
def run(recipe: Recipe, tmp_path: Path) -> Path:
    gantool.run(recipe(training={"steps": 2}), out=tmp_path / "run", level="quiet")
    return tmp_path / "run"


def last(run: Path) -> Checkpoint:
    return Checkpoint(run / "checkpoints" / "step-00000002", 2)


def seal(run: Path) -> None:
    """Give the manifest the true checksum of whatever the state is, as an attacker would."""
    checkpoint = last(run).path
    data = (checkpoint / STATE).read_bytes()
    manifest = json.loads((checkpoint / MANIFEST).read_text())
    entry = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    manifest["files"] = {STATE: entry}
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    (checkpoint / MANIFEST).write_text(text)
    assert last(run).damage() is None


class System:
    def __init__(self, marker: Path) -> None:
        self.command = f"touch {marker}"

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


class Evaluated:
    def __init__(self, marker: Path) -> None:
        self.code = f"__import__('pathlib').Path({str(marker)!r}).touch()"

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (self.code,)


class Nested:
    """Hides a pickle inside a storage, which an old loader would unpickle without asking."""

    def __init__(self, marker: Path) -> None:
        import io

        inside = io.BytesIO()
        torch.save(System(marker), inside, _use_new_zipfile_serialization=False)
        self.data = inside.getvalue()

    def __reduce__(self) -> tuple[Any, ...]:
        return torch.storage._load_from_bytes, (self.data,)


@pytest.mark.parametrize("kind", [System, Evaluated, Nested])
def test_a_pickle_that_runs_code_is_refused(
    run: Path, fork: Fork, publish: Publish, kind: Callable[[Path], object], tmp_path: Path
) -> None:
    marker, state = tmp_path / "executed", torch.load(last(run).path / STATE)
    torch.save({**state, "average": kind(marker)}, last(run).path / STATE)
    torch.load(last(run).path / STATE, weights_only=False)
    assert marker.exists(), "the attack itself must work"
    marker.unlink()
    seal(run)
    for use in (
        lambda: gantool.resume(run, steps=4, level="quiet"),
        lambda: gantool.load(run).sample(1),
    ):
        victim = fork(use)
        assert victim.wait() == 2, victim.output.read_text()
        assert "cannot be read" in victim.output.read_text()
    assert not marker.exists()
    publish("7a", "malicious pickles (os.system, eval, nested storage)", "0 executions, exit 2")


def test_an_archive_that_grows_in_memory_is_refused(
    run: Path, fork: Fork, publish: Publish, full: bool, tmp_path: Path
) -> None:
    size = 1024 if full else 256
    state, bomb = last(run).path / STATE, tmp_path / "bomb.pt"
    with zipfile.ZipFile(state) as true, zipfile.ZipFile(bomb, "w") as archive:
        largest = max(true.infolist(), key=lambda entry: entry.file_size).filename
        for name in true.namelist():
            entry = zipfile.ZipInfo(name)
            if name != largest:
                archive.writestr(entry, true.read(name))
                continue
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as zeros:
                for _ in range(size):
                    zeros.write(bytes(MEGABYTE))
    assert bomb.stat().st_size < 3 * MEGABYTE
    shutil.copy(bomb, state)
    seal(run)
    grown = tmp_path / "grown"

    def measured() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            last(run).load()
        finally:
            growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            grown.write_text(str(growth * 1024))

    victim = fork(measured)
    assert victim.wait() == 2, victim.output.read_text()
    growth = int(grown.read_text()) / MEGABYTE
    assert growth < 100
    publish(
        "7b", f"a checkpoint of {size} MB in 1 MB", f"refused, exit 2; memory grew {growth:.0f} MB"
    )


def test_a_sealed_checkpoint_with_any_content_gives_a_message(
    run: Path, publish: Publish, full: bool
) -> None:
    """Bits are flipped and the manifest made to agree: loading gives a state or a UsageError."""
    path, chance = last(run).path / STATE, random.Random(0)
    data, refused = path.read_bytes(), 0
    count = 2000 if full else 100
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 8))):
            changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(changed[: chance.choice((len(data), chance.randrange(len(data))))])
        try:
            assert isinstance(last(run).load(), dict)
        except UsageError:
            refused += 1
    assert 0 < refused < count
    publish(
        "7c",
        f"{count} checkpoints with flipped bits and cuts, their manifests made to agree",
        f"{refused} refused with a message, the rest are other numbers; 0 crashes",
    )


def test_other_files_of_a_run_may_hold_anything(run: Path, publish: Publish, full: bool) -> None:
    contents = ["[" * 100_000, "\x00\xff", '{"step": "x"}\n', "5\n", "null\n"]
    names, step = ("environment.json", "metrics.jsonl", "health.jsonl"), 2
    true = (run / "run.json").read_text()
    for content in contents if full else contents[:2]:
        (run / "run.json").write_text(content, encoding="latin-1")
        with pytest.raises(UsageError, match=r"run\.json cannot be read"):
            gantool.resume(run, steps=step + 1, level="quiet")
        (run / "run.json").write_text(true)
        for name in names:
            (run / name).write_text(content, encoding="latin-1")
        step += 1
        assert gantool.resume(run, steps=step, level="quiet").step == step
    publish(
        "7e",
        f"{len(contents)} hostile contents of each of a run's {len(names) + 1} other files",
        "refused with exit 2 (run.json), begun anew (the others)",
    )
