"""Checkpoints: whole if they can be seen, kept by rule, and never trusted."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import pickle
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gantool import UsageError
from gantool.files import disk
from gantool.runs.checkpoints import Checkpoint, Checkpoints

pytestmark = pytest.mark.quick


def state(step: int) -> dict[str, Any]:
    weight = torch.full((40, 40), step * 1.0)
    return {"step": step, "about": {}, "networks": {"generator": {"weight": weight}}}


def weight(checkpoint: Checkpoint) -> Tensor:
    tensor: Tensor = checkpoint.load()["networks"]["generator"]["weight"]
    return tensor


@pytest.fixture
def two(tmp_path: Path) -> Checkpoints:
    """Return checkpoints of the steps 1 and 2."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", "mine")
    checkpoints.save(1, state(1))
    checkpoints.save(2, state(2))
    return checkpoints


def newest(checkpoints: Checkpoints) -> tuple[int | None, list[str]]:
    checkpoint, damages = checkpoints.newest()
    return None if checkpoint is None else checkpoint.step, damages


def manifest_of(checkpoint: Checkpoint) -> dict[str, Any]:
    text = (checkpoint.path / "manifest.json").read_text(encoding="utf-8")
    manifest: dict[str, Any] = json.loads(text)
    return manifest


def rewrite(checkpoint: Checkpoint, manifest: dict[str, Any]) -> None:
    """Put another manifest in place, written as gantool writes it."""
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    (checkpoint.path / "manifest.json").write_text(text, encoding="utf-8")


def resign(checkpoint: Checkpoint) -> None:
    """Make the manifest fit whatever the state now is, as somebody with bad intentions would."""
    content = (checkpoint.path / "state.pt").read_bytes()
    files = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    rewrite(checkpoint, {**manifest_of(checkpoint), "files": {"state.pt": files}})


def test_the_newest_is_found_and_holds_what_was_saved(two: Checkpoints) -> None:
    checkpoint, damages = two.newest()
    assert checkpoint is not None
    assert damages == []
    assert checkpoint.step == 2
    assert torch.equal(weight(checkpoint), torch.full((40, 40), 2.0))
    manifest = manifest_of(checkpoint)
    content = (checkpoint.path / "state.pt").read_bytes()
    assert manifest["run"] == "mine"
    assert manifest["step"] == 2
    expected = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    assert manifest["files"] == {"state.pt": expected}


@pytest.mark.parametrize("length", [0, 1, *range(1, 64, 7), -1])
def test_a_truncated_state_is_named_and_the_one_before_is_used(
    two: Checkpoints, length: int
) -> None:
    path = two.all()[0].path / "state.pt"
    content = path.read_bytes()
    path.write_bytes(content[: length if length in (0, 1, -1) else len(content) * length // 64])
    step, (damage,) = newest(two)
    assert step == 1
    assert "step-00000002" in damage
    assert "state.pt is damaged" in damage


def test_a_flipped_bit_is_noticed_wherever_it_is(two: Checkpoints) -> None:
    path = two.all()[0].path / "state.pt"
    content, chance = path.read_bytes(), random.Random(0)
    for _ in range(100):
        position, bit = chance.randrange(len(content)), 1 << chance.randrange(8)
        flipped = bytearray(content)
        flipped[position] ^= bit
        path.write_bytes(flipped)
        assert newest(two)[0] == 1
    path.write_bytes(content)
    assert newest(two) == (2, [])


@pytest.mark.parametrize("text", [None, "", "{", "[]", "null", "7", "[" * 100_000, "\x00" * 90])
def test_a_missing_or_broken_manifest_is_named(two: Checkpoints, text: str | None) -> None:
    path = two.all()[0].path / "manifest.json"
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")
    step, (damage,) = newest(two)
    assert step == 1
    assert "step-00000002: unreadable" in damage or "manifest.json is damaged" in damage


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"run": "theirs"}, "belongs to another checkpoint"),
        ({"step": 3}, "belongs to another checkpoint"),
        ({"files": {}}, "does not list state.pt"),
        ({"files": 7}, "unreadable"),
        ({"files": {"state.pt": 7}}, "unreadable"),
        ({"files": {"state.pt": {}, "extra": {}}}, "unreadable"),
    ],
)
def test_a_manifest_of_something_else_is_named(
    two: Checkpoints, change: dict[str, Any], reason: str
) -> None:
    checkpoint = two.all()[0]
    rewrite(checkpoint, manifest_of(checkpoint))
    assert newest(two) == (2, [])
    rewrite(checkpoint, {**manifest_of(checkpoint), **change})
    step, (damage,) = newest(two)
    assert step == 1
    assert "step-00000002" in damage
    assert reason in damage


def test_a_manifest_cannot_point_outside_its_folder(two: Checkpoints, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("outside", encoding="utf-8")
    digest, checkpoint = hashlib.sha256(b"outside").hexdigest(), two.all()[0]
    manifest = manifest_of(checkpoint)
    manifest["files"]["../../secret"] = {"sha256": digest, "bytes": 7}
    rewrite(checkpoint, manifest)
    assert newest(two)[0] == 1


def test_without_an_intact_checkpoint_each_damage_is_named(two: Checkpoints) -> None:
    for checkpoint in two.all():
        (checkpoint.path / "state.pt").unlink()
    step, damages = newest(two)
    assert step is None
    assert len(damages) == 2
    assert newest(Checkpoints(two.folder / "nowhere", "mine")) == (None, [])


def test_what_is_not_a_checkpoint_is_passed_over(two: Checkpoints) -> None:
    (two.folder / "step-notes").mkdir()
    (two.folder / "step-00000009").write_text("a file", encoding="utf-8")
    (two.folder / ".tmp-5-abc").mkdir()
    (two.folder / ".trash-abc").mkdir()
    assert [checkpoint.step for checkpoint in two.all()] == [2, 1]
    two.sweep()
    assert not [path for path in two.folder.iterdir() if path.name.startswith(".")]
    assert newest(two) == (2, [])


def kept(folder: Path, **rule: Any) -> list[int]:
    checkpoints = Checkpoints(folder, "mine", **rule)
    scores = {3: 0.2, 5: 0.1, 7: 0.3}
    for step in range(11):
        checkpoint = checkpoints.save(step, state(step))
        if step in scores:
            checkpoints.rate(checkpoint, scores[step])
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    return [checkpoint.step for checkpoint in checkpoints.all()]


@pytest.mark.parametrize(
    ("rule", "steps"),
    [
        ({"keep_last": 3}, [10, 9, 8, 5]),  # 5 has the lowest score
        ({"keep_last": 1}, [10, 5]),
        ({"keep_last": 2, "keep_every_steps": 4}, [10, 9, 8, 5, 4, 0]),
    ],
)
def test_the_newest_the_best_and_the_multiples_are_kept(
    tmp_path: Path, rule: dict[str, Any], steps: list[int]
) -> None:
    assert kept(tmp_path / "checkpoints", **rule) == steps


def test_a_score_that_is_no_number_is_not_the_best(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "mine", keep_last=1)
    for step, score in enumerate([float("nan"), 0.5, float("-inf"), 0.7, 0.9]):
        checkpoints.rate(checkpoints.save(step, state(step)), score)
    assert [checkpoint.step for checkpoint in checkpoints.all()] == [4, 1]
    assert [checkpoint.score() for checkpoint in checkpoints.all()] == [0.9, 0.5]


def test_a_run_that_went_back_keeps_what_it_saves_beside_damaged_later_ones(
    tmp_path: Path,
) -> None:
    checkpoints = Checkpoints(tmp_path, "mine", keep_last=1)
    checkpoints.save(20, state(20))
    (checkpoints.all()[0].path / "state.pt").write_bytes(b"torn")
    checkpoints.save(15, state(15))
    assert newest(checkpoints)[0] == 15
    checkpoints.save(20, state(20))  # reached again: the damaged one gives way
    assert newest(checkpoints) == (20, [])
    assert [checkpoint.step for checkpoint in checkpoints.all()] == [20]


def test_an_intact_checkpoint_is_not_written_again(two: Checkpoints) -> None:
    before = (two.all()[0].path / "state.pt").stat().st_mtime_ns
    two.save(2, state(2))
    assert (two.all()[0].path / "state.pt").stat().st_mtime_ns == before


class Exploit:
    """Makes a file when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


class Evaluated(Exploit):
    """Calls eval."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (f"__import__('os').system({self.command!r})",)


class Nested(Exploit):
    """Hides the call inside a storage that is loaded while the file is."""

    def __reduce__(self) -> tuple[Any, ...]:
        inner = io.BytesIO()
        torch.save(Exploit(self.command), inner)
        return torch.storage._load_from_bytes, (inner.getvalue(),)


@pytest.mark.parametrize("exploit", [Exploit, Evaluated, Nested])
@pytest.mark.parametrize("as_zip", [True, False])
def test_a_malicious_state_is_refused_and_not_executed(
    two: Checkpoints, tmp_path: Path, exploit: type[Exploit], as_zip: bool
) -> None:
    marker, checkpoint = tmp_path / "marker", two.all()[0]
    harm = {"step": 2, "about": {}, "networks": exploit(f"touch {marker}")}
    torch.save(harm, checkpoint.path / "state.pt", _use_new_zipfile_serialization=as_zip)
    resign(checkpoint)
    assert checkpoint.damage("mine") is None
    with pytest.raises(UsageError, match="cannot be read"):
        checkpoint.load()
    assert not marker.exists()
    with (checkpoint.path / "state.pt").open("wb") as file:
        pickle.dump(harm, file)
    with pytest.raises(UsageError, match="cannot be read"):
        checkpoint.load()
    assert not marker.exists()
    pickle.loads(pickle.dumps(harm))  # the proof that it would have
    assert marker.exists()


def test_a_state_made_to_break_the_reader_is_refused(two: Checkpoints) -> None:
    checkpoint, chance = two.all()[0], random.Random(1)
    path = checkpoint.path / "state.pt"
    content, refusals = path.read_bytes(), []
    pickled = content.index(b"networks") - 60  # beside the archive's first file: the pickle
    for _ in range(150):
        broken = bytearray(content)
        for _ in range(3):
            broken[pickled + chance.randrange(300)] = chance.randrange(256)
        path.write_bytes(broken)
        try:
            checkpoint.load()
        except UsageError as error:
            refusals.append(str(error))
    assert len(refusals) > 50
    assert all(str(checkpoint.path) in text for text in refusals)


def test_a_file_that_holds_no_state_is_refused(two: Checkpoints) -> None:
    checkpoint = two.all()[0]
    torch.save([1, 2], checkpoint.path / "state.pt")
    with pytest.raises(UsageError, match="holds a list, not a state"):
        checkpoint.load()


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_full_disk_leaves_the_old_checkpoints_and_nothing_else(
    two: Checkpoints, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    calls = 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "fsync", fsync)
    before = sorted(path.relative_to(two.folder) for path in two.folder.rglob("*"))
    with pytest.raises(OSError, match="No space left"):
        two.save(3, state(3))
    assert sorted(path.relative_to(two.folder) for path in two.folder.rglob("*")) == before
    assert newest(two) == (2, [])


def test_everything_is_synced_before_it_can_be_seen(
    two: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    fsync, rename = disk.fsync, Path.rename

    def noted_fsync(descriptor: int) -> None:
        events.append(f"sync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name[:5]}")
        fsync(descriptor)

    def noted_rename(path: Path, target: Path) -> Path:
        events.append(f"rename to {target.name}")
        return rename(path, target)

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc to name what is synced")
    monkeypatch.setattr(disk, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    two.save(3, state(3))
    assert events == [
        "sync state",
        "sync manif",
        "sync .tmp-",
        "rename to step-00000003",
        "sync check",
    ]
