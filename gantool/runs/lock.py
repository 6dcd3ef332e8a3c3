"""One process at a time in a run folder."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.runs.folder import RunFolder


@contextmanager
def hold(folder: RunFolder) -> Iterator[None]:
    """Keep other processes out of a run folder; the system drops the hold of a dead process.

    Raises:
        UsageError: When another process holds the folder; it is named.
    """
    from filelock import FileLock, Timeout

    folder.path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.path / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        holder = read_status(folder).holder if folder.description.exists() else "unknown"
        raise UsageError(
            f"run {folder.path} is in use by process {holder}",
            "wait for it, or give another folder with --out",
        ) from error
    try:
        yield
    finally:
        lock.release()
