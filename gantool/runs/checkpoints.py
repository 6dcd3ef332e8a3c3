"""Checkpoints that are whole if they can be seen.

Each is a folder, written aside, synced to disk and renamed into place. Which is the newest is
computed from what is there and intact, and stored nowhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STATE = "state.pt"
MANIFEST = "manifest.json"
SCORE = "score.json"
PREFIX = "step-"
ASIDE = ".tmp-"
TRASH = ".trash-"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's folder and the step it was saved after."""

    path: Path
    step: int

    def damage(self, run: str | None = None) -> str | None:
        """Return what is wrong with the files, or None when each has its checksum.

        Args:
            run: The identifier of the run it must belong to, where that is known.
        """
        try:
            manifest = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
            files = dict(manifest["files"])
            if manifest["step"] != self.step or (run and manifest["run"] != run):
                return f"{MANIFEST} belongs to another checkpoint"
            if STATE not in files:
                return f"{MANIFEST} does not list {STATE}"
            for name, expected in files.items():
                if _digest(self.path / Path(name).name) != expected["sha256"]:
                    return f"{name} is damaged: its SHA-256 differs from the manifest's"
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"unreadable: {error}"
        return None

    def load(self) -> dict[str, Any]:
        """Return the saved state, tensors on the CPU; data only, no code is ever run.

        Raises:
            UsageError: When the file does not hold a state.
        """
        import pickle

        import torch

        try:
            state = torch.load(self.path / STATE, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise UsageError(f"checkpoint {self.path} cannot be read: {reason}") from error
        if not isinstance(state, dict):
            raise UsageError(f"checkpoint {self.path} holds a {type(state).__name__}, not a state")
        return state

    def score(self) -> float | None:
        """Return the score it was given, lower being better, if any."""
        try:
            return float(json.loads((self.path / SCORE).read_text(encoding="utf-8"))["score"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: Where they are; made when the first is saved.
        run: The run's identifier, written into each manifest.
        keep_last: How many of the newest are kept.
        keep_every_steps: Multiples of this step that are kept for good; None for none.
    """

    def __init__(
        self, folder: Path, run: str, *, keep_last: int = 3, keep_every_steps: int | None = None
    ) -> None:
        self.folder = folder
        self._run = run
        self._keep_last = keep_last
        self._keep_every_steps = keep_every_steps

    def save(self, step: int, state: Mapping[str, Any]) -> Checkpoint:
        """Save a state durably and drop the checkpoints that are no longer kept.

        Raises:
            OSError: When the disk is full or failing; nothing is left behind and older
                checkpoints stay.
        """
        checkpoint = Checkpoint(self.folder / f"{PREFIX}{step:08d}", step)
        if not checkpoint.path.exists() or checkpoint.damage(self._run):
            self.folder.mkdir(parents=True, exist_ok=True)
            aside = self.folder / f"{ASIDE}{os.getpid()}-{uuid.uuid4().hex}"
            try:
                self._write(aside, step, state)
                self._discard(checkpoint.path)
                aside.rename(checkpoint.path)
            except BaseException:
                shutil.rmtree(aside, ignore_errors=True)
                raise
            _sync_folder(self.folder)
        self._prune(step)
        return checkpoint

    def rate(self, checkpoint: Checkpoint, score: float) -> None:
        """Note a checkpoint's score, lower being better; the best one is kept."""
        aside = checkpoint.path / f"{ASIDE}{SCORE}"
        aside.write_text(json.dumps({"score": score}), encoding="utf-8")
        aside.replace(checkpoint.path / SCORE)

    def all(self) -> list[Checkpoint]:
        """Return the checkpoints, the newest first, without looking inside."""
        return sorted(self._found(), key=lambda checkpoint: checkpoint.step, reverse=True)

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
        for pattern in (f"{ASIDE}*", f"{TRASH}*"):
            for leftover in self.folder.glob(pattern):
                shutil.rmtree(leftover, ignore_errors=True)

    def _write(self, folder: Path, step: int, state: Mapping[str, Any]) -> None:
        """Write state and manifest into a new folder and sync all of it."""
        import torch

        folder.mkdir()
        with (folder / STATE).open("wb") as file:
            hashing = _HashingFile(file)
            torch.save(dict(state), hashing)  # type: ignore[arg-type]
            _sync(file)
        files = {STATE: {"sha256": hashing.digest.hexdigest(), "bytes": hashing.written}}
        manifest = {"run": self._run, "step": step, "files": files}
        with (folder / MANIFEST).open("w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=2)
            _sync(file)
        _sync_folder(folder)

    def _prune(self, step: int) -> None:
        """Drop all but the newest, the best, and the multiples that are kept for good.

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
                self._discard(checkpoint.path)

    def _discard(self, path: Path) -> None:
        """Remove a checkpoint: out of sight first, so that none is ever seen half removed."""
        if path.exists():
            trash = path.with_name(f"{TRASH}{uuid.uuid4().hex}")
            path.rename(trash)
            shutil.rmtree(trash, ignore_errors=True)

    def _found(self) -> Iterator[Checkpoint]:
        for path in self.folder.glob(f"{PREFIX}*"):
            digits = path.name.removeprefix(PREFIX)
            if digits.isdecimal() and path.is_dir():
                yield Checkpoint(path, int(digits))


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


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; Windows cannot open folders and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
