"""Files that outlive a crash and a power cut: the old one or the new one, never a part."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from functools import cache
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


ASIDE = ".tmp-"
TRASH = ".trash-"
ATTEMPTS = 20
"""How often a sync that is interrupted is made anew."""


def aside_of(path: Path) -> Path:
    """Return a name beside `path` that nobody can have guessed; it ends as `path` does."""
    return path.with_name(f"{ASIDE}{os.getpid()}-{secrets.token_hex(8)}{path.suffix}")


def trash_of(path: Path) -> Path:
    """Return a name beside `path` under which it is out of sight until it is removed."""
    return path.with_name(f"{TRASH}{secrets.token_hex(8)}")


def sweep(folder: Path, *, shared: bool = True) -> None:
    """Remove what killed processes have left in a folder; what cannot be removed stays.

    No link is followed.

    Args:
        folder: Where to look.
        shared: Whether other processes may write there, whose unfinished files stay.
    """
    leftovers: list[Path] = []
    with suppress(OSError):
        leftovers = [path for path in folder.iterdir() if path.name.startswith((ASIDE, TRASH))]
    for leftover in leftovers:
        if not (shared and _is_being_written(leftover.name)):
            remove(leftover)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it, as far as that can be done."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_being_written(name: str) -> bool:
    """Whether another process of this machine is at work on a file of this name."""
    number = name.removeprefix(ASIDE).partition("-")[0]
    if not number.isdecimal() or int(number) == os.getpid() or os.name == "nt":
        return False
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    return True


def write_durably(path: Path, text: str) -> None:
    """Write a whole file aside, sync it, and put it in place; its folder must exist.

    Raises:
        OSError: When the disk is full or failing; the file of before is left as it is.
    """
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


@contextmanager
def written_aside(path: Path, *, durably: bool = True) -> Iterator[Path]:
    """Yield an empty file beside `path` to write to, which takes its place if all goes well.

    Nobody else knows its name, and a link at `path` is replaced, not followed.

    Args:
        path: In a folder that exists.
        durably: Whether it is to be on the disk, name and content, when the context has ended.

    Raises:
        OSError: When the disk is full or failing; the file of before is left as it is.
    """
    aside = aside_of(path)
    try:
        aside.open("xb").close()
        yield aside
        if durably:
            with aside.open("r+b") as file:
                sync(file)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    if durably:
        sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each as durable as what will be written into it."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync(file: IO[Any]) -> None:
    """Make what was written to an open file durable.

    Raises:
        OSError: When the disk is full or failing; it names the file.
    """
    try:
        file.flush()
        fsync(file.fileno())
    except OSError as error:
        error.filename = error.filename or file.name
        raise


def sync_path(path: Path) -> None:
    """Make what another way was written into a plain file durable."""
    with path.open("r+b") as file:
        sync(file)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; Windows cannot open folders and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fsync(descriptor)
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise
    finally:
        os.close(descriptor)


def fsync(descriptor: int) -> None:
    """Do what `os.fsync` does, which tries for ever where a file system only says EINTR (PEP 475).

    Raises:
        OSError: When the disk is full or failing; EINTR after so many attempts.
    """
    sync_once = _system_call()
    if sync_once is None:
        os.fsync(descriptor)
        return
    for _ in range(ATTEMPTS):
        if sync_once(descriptor) == 0:
            return
        if (number := ctypes.get_errno()) != errno.EINTR:
            break
    raise OSError(number, os.strerror(number))


@cache
def _system_call() -> Callable[[int], int] | None:
    """Return the C library's fsync; None where there is none to be called."""
    if os.name == "nt":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    return getattr(library, "fsync", None)
