"""Locks between processes: the operating system's, which drops them when a process dies."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gantool.files.plain import GUARDED, is_plain_file, refuse_link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRITING = ".writing"
POLL_SECONDS = 0.01


class BusyError(Exception):
    """Somebody else holds the lock."""


@contextmanager
def locked(path: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock of a file, which is made if missing and never written to.

    Raises:
        BusyError: When somebody else holds it.
        UsageError: When a link is in its place.
        OSError: When the file cannot be made, is no plain one, or its file system has no locks.
    """
    from filelock import FileLock, Timeout

    refuse_link(path)
    if path.exists() and not is_plain_file(path):
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    lock = FileLock(path)
    try:
        lock.acquire(timeout=patience, poll_interval=POLL_SECONDS)
    except Timeout as error:
        raise BusyError(str(path)) from error
    try:
        yield
    finally:
        with suppress(OSError):  # the system drops it with the process at the latest
            lock.release()


@contextmanager
def occupied(folder: Path) -> Iterator[None]:
    """Keep others out of a folder while it is written; no trace of the lock stays."""
    path = folder / WRITING
    with locked(path):
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock of a file: asked without making or changing anything.

    Nobody does where locks cannot be asked for.
    """
    try:
        import fcntl
    except ImportError:  # Windows can only try
        return _is_refused(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | GUARDED)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EACCES)
    finally:
        os.close(descriptor)
    return False


def _is_refused(path: Path) -> bool:
    try:
        with locked(path):
            return False
    except (BusyError, OSError):
        return is_plain_file(path)
