"""Plain files and folders, and locks on them: nothing is opened through a link.

A folder that a stranger made may hold links, pipes and devices under any name. The path that a
person gave is followed; what lies below it is not.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Self

from gantool.errors import UsageError
from gantool.files.disk import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

# Opening a pipe must not wait for its other end.
GUARDED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
GONE = " (deleted)"
"""Suffix that Linux gives to the name of a deleted folder."""
WRITING = ".writing"
POLL_SECONDS = 0.01


def open_plain(path: Path, mode: Literal["rb", "ab", "r+b"] = "rb") -> IO[Any]:
    """Open a file that must be a plain one.

    Raises:
        OSError: When it cannot be opened; when a link, a pipe, a device or a folder is there.
    """
    return io.open(path, mode, opener=_opener)  # noqa: UP020  where tests stand in between


def open_linked(path: Path) -> IO[bytes]:
    """Open a plain file for reading, also through links, as a cache of the Hub holds them.

    Raises:
        OSError: When it cannot be opened; when a pipe, a device or a folder is there.
    """
    try:
        return open_plain(path.resolve(strict=True))
    except RuntimeError as error:  # of Python before 3.13
        raise OSError(errno.ELOOP, "links in a circle", str(path)) from error


def read_plain(path: Path, errors: str = "strict") -> str:
    """Return the text of a plain file, UTF-8."""
    with open_plain(path) as file:
        return str(file.read().decode("utf-8", errors))


def is_plain_file(path: Path) -> bool:
    """Whether a file is there, and no link."""
    return stat.S_ISREG(_kind(path))


def is_plain_folder(path: Path) -> bool:
    """Whether a folder is there, and no link."""
    return stat.S_ISDIR(_kind(path))


def make_plain_folder(folder: Path) -> None:
    """Make a folder in one that exists; it may be there already.

    Raises:
        UsageError: When a link is in its place.
        OSError: When the disk is full or failing, or the folder above it is missing.
    """
    try:
        folder.mkdir()
    except FileExistsError:
        refuse_link(folder)
        if not is_plain_folder(folder):
            raise
        return
    sync_folder(folder.parent)


def make_below(root: Path, folder: Path) -> None:
    """Make a folder below another, which exists, and those in between, through no link.

    Raises:
        UsageError: When a link is in the place of one.
        OSError: When the disk is full or failing.
        ValueError: When it is not below.
    """
    for part in folder.relative_to(root).parts:
        root = root / part
        make_plain_folder(root)


def holds_plain_files(folder: Path) -> bool:
    """Whether a folder, and no link, is there and holds nothing but plain files."""
    try:
        return is_plain_folder(folder) and all(map(is_plain_file, folder.iterdir()))
    except OSError:
        return False


def refuse_link(path: Path) -> None:
    """Refuse a symbolic link where a file or folder of gantool's own belongs."""
    if path.is_symlink():
        raise UsageError(
            f"{path} is a symbolic link: inside a folder of gantool's, links are not followed",
            "put what it points to in its place, or remove it; the whole folder may be a link",
        )


def _kind(path: Path) -> int:
    """Return what is at a path, without following; 0 where nothing can be seen."""
    try:
        return path.lstat().st_mode
    except (OSError, ValueError):
        return 0


def _opener(path: str, flags: int) -> int:
    """Open without following, and look at what was opened."""
    try:
        descriptor = os.open(path, flags | GUARDED, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "a symbolic link, which is not followed here", path) from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode) and (os.name != "nt" or not os.path.islink(path)):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a plain file", path)


class Anchor:
    """Remembers a folder itself, not its name, until the context ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Held open, so that its number cannot go to another; Windows keeps open folders in place.
        self._descriptor = None if os.name == "nt" else os.open(folder, os.O_RDONLY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def has_moved(self) -> bool:
        """Whether its place is empty or taken by something else; False if that cannot be seen."""
        if self._descriptor is None:
            return False
        try:
            here = self._folder.stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return not os.path.samestat(here, os.fstat(self._descriptor))

    def place(self) -> Path | None:
        """Return where it is now, if it still exists and the system tells."""
        try:
            place = os.readlink(f"/proc/self/fd/{self._descriptor}")
        except OSError:
            return None
        return None if place.endswith(GONE) else Path(place)


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
