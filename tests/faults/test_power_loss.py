"""Power loss: whatever part of the writes has reached the disk, a valid checkpoint is there.

The writes of some saves are recorded, and every prefix of them is replayed into the two worst
disks that the rules of fsync allow: one that forgets all it was not told to keep, names included,
and one that keeps names at once and forgets data.
"""

from __future__ import annotations

import io
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from gantool.files import disk
from gantool.runs.checkpoints import Checkpoints

if TYPE_CHECKING:
    from tests.faults.conftest import Publish

SAVES, FEW_SAVES = (0, 2, 4, 6, 8), (0, 2, 4)


@dataclass
class Recorder:
    """Writes below a folder, in order: ("write", path, data), ("rename", from, to), and so on.

    ("saved", step) marks that a save has returned, and promised to keep the step.
    """

    root: Path
    operations: list[tuple[Any, ...]] = field(default_factory=list)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        note, opened, fsync = self.operations.append, io.open, disk.fsync
        rename, replace, mkdir, rmtree = os.rename, os.replace, os.mkdir, shutil.rmtree

        def open_noted(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
            stream = opened(file, mode, *args, **options)
            if not set(mode) & set("wxa"):
                return stream
            note(("create", str(file)))
            return _Noted(stream, str(file), note)

        def fsync_noted(descriptor: int) -> None:
            fsync(descriptor)
            note(("fsync", os.readlink(f"/proc/self/fd/{descriptor}")))

        def moved(original: Any) -> Any:
            def noted(source: Any, target: Any) -> None:
                original(source, target)
                note(("rename", str(source), str(target)))

            return noted

        def mkdir_noted(path: Any, *args: Any, **options: Any) -> None:
            mkdir(path, *args, **options)
            note(("mkdir", str(path)))

        def rmtree_noted(path: Any, *args: Any, **options: Any) -> None:
            rmtree(path, *args, **options)
            note(("remove", str(path)))

        patch.setattr(io, "open", open_noted)
        patch.setattr(disk, "fsync", fsync_noted)
        patch.setattr(os, "rename", moved(rename))
        patch.setattr(os, "replace", moved(replace))
        patch.setattr(os, "mkdir", mkdir_noted)
        patch.setattr(shutil, "rmtree", rmtree_noted)


class _Noted:
    """A file whose writes are noted."""

    def __init__(self, stream: Any, path: str, note: Any) -> None:
        self._stream, self._path, self._note = stream, path, note

    def write(self, data: Any) -> Any:
        raw = data.encode() if isinstance(data, str) else bytes(data)
        self._note(("write", self._path, raw))
        return self._stream.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _Noted:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stream.close()


@dataclass
class Node:
    """A file's data, or a folder's names, in memory and on the platter."""

    is_folder: bool
    data: bytes = b""
    kept: bytes = b""
    names: dict[str, Node] = field(default_factory=dict)
    kept_names: dict[str, Node] = field(default_factory=dict)


@dataclass
class Platter:
    """A disk that loses its power.

    Attributes:
        root: The folder that was there before, durable itself.
        keeps_names: Whether names are durable at once.
    """

    root: Path
    keeps_names: bool
    top: Node = field(default_factory=lambda: Node(is_folder=True))

    def apply(self, operation: tuple[Any, ...]) -> None:
        kind, *arguments = operation
        if kind in ("create", "mkdir"):
            folder, name = self._place(arguments[0])
            folder.names[name] = Node(is_folder=kind == "mkdir")
        elif kind == "write":
            self._at(arguments[0]).data += arguments[1]
        elif kind == "rename":
            (source, old), (target, new) = map(self._place, arguments)
            target.names[new] = source.names.pop(old)
        elif kind == "remove":
            folder, name = self._place(arguments[0])
            folder.names.pop(name, None)
        elif kind == "fsync":
            node = self._at(arguments[0])
            node.kept, node.kept_names = node.data, dict(node.names)

    def restart(self, into: Path) -> None:
        """Write what is left into a real folder."""
        self._write(self.top, into)

    def _write(self, node: Node, path: Path) -> None:
        if not node.is_folder:
            path.write_bytes(node.kept)
            return
        path.mkdir()
        for name, inner in (node.names if self.keeps_names else node.kept_names).items():
            self._write(inner, path / name)

    def _place(self, path: str) -> tuple[Node, str]:
        *above, name = Path(path).relative_to(self.root).parts
        return self._walk(above), name

    def _at(self, path: str) -> Node:
        return self._walk(list(Path(path).relative_to(self.root).parts))

    def _walk(self, parts: list[str]) -> Node:
        node = self.top
        for part in parts:
            node = node.names[part]
        return node


def state(step: int) -> dict[str, Any]:
    weights = torch.full((50,), float(step))
    return {"step": step, "about": {}, "weights": weights}


@pytest.mark.parametrize("keeps_names", [False, True])
@pytest.mark.parametrize("keep_last", [1, 2])
def test_every_prefix_of_the_writes_leaves_a_valid_checkpoint(
    publish: Publish,
    monkeypatch: pytest.MonkeyPatch,
    full: bool,
    tmp_path: Path,
    keeps_names: bool,
    keep_last: int,
) -> None:
    root, saves = tmp_path / "run", SAVES if full else FEW_SAVES
    root.mkdir()
    recorder = Recorder(root)
    with monkeypatch.context() as patch:
        recorder.install(patch)
        checkpoints = Checkpoints(root / "checkpoints", "run", keep_last=keep_last)
        for step in saves:
            checkpoint = checkpoints.save(step, state(step))
            recorder.operations.append(("saved", step))
            checkpoints.rate(checkpoint, float(-step))
    operations, kinds = recorder.operations, {kind for kind, *_ in recorder.operations}
    assert kinds == {"create", "write", "fsync", "rename", "mkdir", "remove", "saved"}
    platter, promised = Platter(root, keeps_names), None
    for number, operation in enumerate(operations):
        platter.apply(operation)
        promised = operation[1] if operation[0] == "saved" else promised
        left = tmp_path / "left"
        platter.restart(left)
        newest, _ = Checkpoints(left / "checkpoints", "run").newest()
        if promised is not None:
            assert newest is not None, (number, operation)
            assert newest.step >= promised, (number, operation)
            assert float(newest.load()["weights"][0]) == newest.step
        shutil.rmtree(left)
    assert promised == saves[-1]
    name = "keeps names and forgets data" if keeps_names else "forgets all that was not synced"
    publish(
        f"5{'cd'[keeps_names]}",
        f"power loss after each of {len(operations)} writes of {len(saves)} saves, "
        f"on a disk that {name}",
        "the newest promised checkpoint is valid each time",
    )
