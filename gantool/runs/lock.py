"""One process at a time in a run folder."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gantool.errors import DiskError, UsageError
from gantool.runs.durable import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gantool.runs.folder import RunFolder

LOCK = ".lock"
HOLDER = ".holder"
"""The holder's process id; the lock itself is the system's, which drops it when a process dies."""


@contextmanager
def hold(folder: RunFolder) -> Iterator[None]:
    """Keep other processes out of a run folder; a dead process keeps nobody out.

    Raises:
        UsageError: When another process holds the folder; it is named.
        DiskError: When the folder cannot be written to.
    """
    from filelock import FileLock, Timeout

    holder = folder.path / HOLDER
    try:
        make_folder(folder.path)
        lock = FileLock(folder.path / LOCK)
        lock.acquire(timeout=0)
        holder.write_text(f"{os.getpid()}\n", encoding="utf-8")
    except Timeout as error:
        raise UsageError(
            f"run {folder.path} is in use by process {_named(holder)}",
            "wait for it, or give another folder with --out",
        ) from error
    except OSError as error:
        raise DiskError(f"run {folder.path} cannot be written to: {error}") from error
    try:
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _named(holder: Path) -> str:
    """Return the process id that the holder has left, if it can be read."""
    try:
        return str(int(holder.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return "unknown"
