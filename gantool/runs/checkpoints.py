"""Checkpoints that are whole if they can be seen.

Each is a folder, written aside, synced to disk and renamed into place. Which is the newest is
computed from what is there and intact, and stored nowhere.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.files.disk import (
    aside_of,
    bytes_of,
    remove,
    require_space,
    sweep,
    sync,
    sync_folder,
    trash_of,
    write_durably,
)
from gantool.files.plain import (
    is_plain_folder,
    make_plain_folder,
    open_plain,
    read_plain,
    refuse_link,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

STATE = "state.pt"
MANIFEST = "manifest.json"
SCORE = "score.json"
PREFIX = "step-"
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading JSON of unknown origin can raise."""


class _Damage(Exception):  # noqa: N818  what is wrong with a checkpoint, not with the program
    """A checkpoint is not what was saved."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's folder and the step it was saved after."""

    path: Path
    step: int

    def damage(self, run: str | None = None) -> str | None:
        """Return what is wrong with a checkpoint of a run, if known, or None if it is intact."""
        try:
            self._verify(run)
        except _Damage as damage:
            return str(damage)
        except UNREADABLE as error:
            return f"unreadable: {type(error).__name__}: {error}"
        return None

    def _verify(self, run: str | None) -> None:
        text = read_plain(self.path / MANIFEST)
        manifest = json.loads(text)
        if text != _written(manifest):
            raise _Damage(f"{MANIFEST} is damaged: it is not as it was written")
        if manifest["step"] != self.step or (run and manifest["run"] != run):
            raise _Damage(f"{MANIFEST} belongs to another checkpoint")
        if STATE not in (files := dict(manifest["files"])):
            raise _Damage(f"{MANIFEST} does not list {STATE}")
        for name, expected in files.items():
            with open_plain(self.path / Path(name).name) as file:
                _compare(name, file, expected)

    def load(self) -> dict[str, Any]:
        """Return the saved state, tensors on the CPU; data only, no code is ever run.

        Raises:
            UsageError: When the file does not hold a state.
        """
        import torch

        try:
            with open_plain(self.path / STATE) as file:
                _refuse_inflation(file)
                file.seek(0)
                state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # a file made to do harm fails in any way it likes
            reason = str(error).partition("\n")[0]
            raise UsageError(f"checkpoint {self.path} cannot be read: {reason}") from error
        if not isinstance(state, dict):
            raise UsageError(f"checkpoint {self.path} holds a {type(state).__name__}, not a state")
        if not isinstance(state.get("step"), int) or not isinstance(state.get("about"), dict):
            raise UsageError(f"checkpoint {self.path} does not say what it is of")
        return state

    def score(self) -> float | None:
        """Return the score it was given, lower being better, if any."""
        try:
            score = float(json.loads(read_plain(self.path / SCORE))["score"])
        except UNREADABLE:
            return None
        return score if math.isfinite(score) else None  # NaN is neither better nor worse


class Checkpoints:
    """The checkpoints of one run.

    Their folder, in the run's, is made when the first is saved. The run's identifier is written
    into each manifest. The newest are kept, and multiples of `keep_every_steps` for good.

    Raises:
        UsageError: When a link is in the folder's place: what it leads to is not the run's.
    """

    def __init__(
        self, folder: Path, run: str, *, keep_last: int = 3, keep_every_steps: int | None = None
    ) -> None:
        refuse_link(folder)
        self.folder = folder
        self._run = run
        self._keep_last = keep_last
        self._keep_every_steps = keep_every_steps

    def save(self, step: int, state: Mapping[str, Any], score: float | None = None) -> Checkpoint:
        """Save a state, plain data and tensors, durably; drop what is no longer kept.

        The checkpoint's score, lower being better, is seen with it or not at all.

        Raises:
            OSError: When the disk is full or failing; nothing is left behind and older
                checkpoints stay. A disk without room for it is not written to at all.
        """
        checkpoint = Checkpoint(self.folder / f"{PREFIX}{step:08d}", step)
        if not checkpoint.path.exists() or checkpoint.damage(self._run):
            make_plain_folder(self.folder)
            require_space(self.folder, bytes_of(state))
            aside = aside_of(checkpoint.path)
            try:
                self._write(aside, step, state, score)
                _discard(checkpoint.path)
                aside.rename(checkpoint.path)
            except BaseException:
                remove(aside)
                raise
            sync_folder(self.folder)
        elif score is not None:
            self.rate(checkpoint, score)
        self._prune(step)
        return checkpoint

    def rate(self, checkpoint: Checkpoint, score: float) -> None:
        """Note a checkpoint's score, lower being better; the best one is kept."""
        write_durably(checkpoint.path / SCORE, _rated(score))

    def all(self) -> list[Checkpoint]:
        """Return the checkpoints, the newest first, without looking inside."""
        found = [
            Checkpoint(path, int(digits))
            for path in self.folder.glob(f"{PREFIX}*")
            if (digits := path.name.removeprefix(PREFIX)).isdecimal() and is_plain_folder(path)
        ]
        return sorted(found, key=lambda checkpoint: checkpoint.step, reverse=True)

    def newest(self) -> tuple[Checkpoint | None, list[str]]:
        """Return the newest intact checkpoint, and what is wrong with each newer one."""
        damages: list[str] = []
        for checkpoint in self.all():
            damage = checkpoint.damage(self._run)
            if damage is None:
                return checkpoint, damages
            damages.append(f"{checkpoint.path}: {damage}")
        return None, damages

    def sweep(self) -> None:
        """Remove what an interrupted process left behind; only the run's holder may call it."""
        for folder in (self.folder, *(checkpoint.path for checkpoint in self.all())):
            sweep(folder, shared=False)

    def _write(
        self, folder: Path, step: int, state: Mapping[str, Any], score: float | None
    ) -> None:
        """Write state and manifest into a new folder and sync all of it."""
        import torch

        folder.mkdir()
        with (folder / STATE).open("wb") as file:
            hashing = _HashingFile(file)
            torch.save(dict(state), hashing)  # type: ignore[arg-type]
            sync(file)
        files = {STATE: {"sha256": hashing.digest.hexdigest(), "bytes": hashing.written}}
        manifest = {"run": self._run, "step": step, "files": files}
        texts = {MANIFEST: _written(manifest)}
        texts |= {} if score is None else {SCORE: _rated(score)}
        for name, text in texts.items():
            with (folder / name).open("w", encoding="utf-8") as file:
                file.write(text)
                sync(file)
        sync_folder(folder)

    def _prune(self, step: int) -> None:
        """Drop all but the newest, the best, and the multiples that are kept for good.

        What cannot be removed stays, and is tried again after the next checkpoint.
        Later ones than the step just saved are damaged, or the run would have gone on from them:
        they neither count nor go.
        """
        checkpoints = [checkpoint for checkpoint in self.all() if checkpoint.step <= step]
        rated = [(score, c) for c in checkpoints if (score := c.score()) is not None]
        best = min(rated, key=lambda pair: pair[0])[1] if rated else None
        for checkpoint in checkpoints[self._keep_last :]:
            every = self._keep_every_steps
            kept_for_good = every is not None and checkpoint.step % every == 0
            if checkpoint != best and not kept_for_good:
                with suppress(OSError):
                    _discard(checkpoint.path)


def _discard(path: Path) -> None:
    """Remove a checkpoint: out of sight first, so that none is ever seen half removed."""
    if os.path.lexists(path):
        trash = trash_of(path)
        path.rename(trash)
        remove(trash)


class _HashingFile:
    """A file that is hashed while it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.written = 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.written += memoryview(data).nbytes
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def _written(manifest: Mapping[str, Any]) -> str:
    """Return a manifest as it is written: there is one way, so that no byte can change unseen."""
    return json.dumps(manifest, indent=2, sort_keys=True) + "\n"


def _rated(score: float) -> str:
    return json.dumps({"score": score})


def _refuse_inflation(file: IO[bytes]) -> None:
    """Refuse an archive that holds more than its own size: torch stores, and never compresses."""
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        inside = sum(entry.file_size for entry in archive.infolist())
        compressed = any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist())
    if compressed or inside > size:
        raise ValueError(f"it is compressed, or claims {inside} bytes in a file of {size}")


def _compare(name: str, file: IO[bytes], expected: Mapping[str, Any]) -> None:
    size = os.fstat(file.fileno()).st_size
    if size != expected["bytes"]:
        raise _Damage(f"{name} is damaged: it has {size} bytes, not {expected['bytes']}")
    if hashlib.file_digest(file, "sha256").hexdigest() != expected["sha256"]:  # type: ignore[arg-type]
        raise _Damage(f"{name} is damaged: its SHA-256 differs from the manifest's")
