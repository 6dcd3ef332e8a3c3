"""Plain files and folders: nothing is opened through a link, and nothing but what is expected.

A folder that a stranger made may hold links, pipes and devices under any name. The path that a
person gave is followed; what lies below it is not.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import IO, Any, Literal, Self

from gantool.errors import UsageError
from gantool.files.disk import sync_folder

# Opening a pipe must not wait for its other end.
GUARDED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
GONE = " (deleted)"
"""Suffix that Linux gives to the name of a deleted folder."""


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
