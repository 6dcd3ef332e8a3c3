"""One process at a time in a run folder."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from gantool.errors import DiskError, UsageError
from gantool.files.asides import sweep
from gantool.files.durable import written_aside
from gantool.files.locks import BusyError, is_locked, locked
from gantool.files.plain import read_plain, refuse_link
from gantool.runs.checkpoints import Checkpoints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gantool.runs.folder import RunFolder

LOCK = ".lock"
HOLDER = ".holder"
"""The holder's process id; the lock itself is the system's, which drops it when a process dies."""
PATIENCE_SECONDS = 0.5
"""Much more than the look at a lock takes, by which others learn whether a run is going."""


@contextmanager
def hold(folder: RunFolder) -> Iterator[None]:
    """Keep other processes out of a run folder, which exists; a dead process keeps nobody out.

    What killed processes have left behind is swept up first.

    Raises:
        UsageError: When another process holds the folder, which is named; when a link is where a
            file or folder of the run belongs.
        DiskError: When the folder cannot be written to.
    """
    _refuse_links(folder)
    holder = folder.path / HOLDER
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder.path / LOCK, PATIENCE_SECONDS))
            with written_aside(holder, durably=False) as aside:
                aside.write_text(f"{os.getpid()}\n", encoding="utf-8")
        except BusyError as error:
            raise UsageError(
                f"run {folder.path} is in use by process {_named(holder)}",
                "wait until it is done, or stop it with Ctrl-C",
            ) from error
        except OSError as error:
            raise DiskError(f"run {folder.path} cannot be written to: {error}") from error
        stack.callback(_forget, holder)
        for place in (folder.path, folder.samples):
            sweep(place)
        Checkpoints(folder.checkpoints, "").sweep()
        yield


def is_held(folder: RunFolder) -> bool:
    """Whether a process is at work on a run; the folder is only read."""
    return is_locked(folder.path / LOCK)


def let_go(folder: RunFolder, *, is_new: bool) -> None:
    """Leave a folder in which no run has begun as it was found; its holder calls this.

    Args:
        folder: The run's.
        is_new: Whether the folder was made for the run, and is to go.

    Raises:
        OSError: When something else is in it, or the disk is failing.
    """
    (folder.path / HOLDER).unlink(missing_ok=True)
    (folder.path / LOCK).unlink(missing_ok=True)
    if is_new:
        folder.path.rmdir()


def _refuse_links(folder: RunFolder) -> None:
    """Refuse what would lead out of a run's folder.

    Raises:
        UsageError: When a link is where something of the run belongs, or leads to a folder.
        DiskError: When the folder cannot be read.
    """
    names = {*folder.names(), LOCK, HOLDER}
    try:
        links = [path for path in folder.path.iterdir() if path.is_symlink()]
    except OSError as error:
        raise DiskError(f"run {folder.path} cannot be read: {error}") from error
    for path in links:
        if path.name in names or path.is_dir():
            refuse_link(path)


def _forget(holder: Path) -> None:
    """Take this process's name away, unless the folder has become another's."""
    if _named(holder) == str(os.getpid()):
        with suppress(OSError):
            holder.unlink(missing_ok=True)


def _named(holder: Path) -> str:
    """Return the process id that the holder has left, if it can be read."""
    try:
        return str(int(read_plain(holder)))
    except (OSError, ValueError):
        return "unknown"
