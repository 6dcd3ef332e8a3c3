"""Files on a disk: written durably, the old one or the new one, never a part; room and faults."""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from functools import cache
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


ASIDE = ".tmp-"
TRASH = ".trash-"
ATTEMPTS = 20
"""Attempts at a sync that is interrupted."""
# fmt: off
NAMES = (
    "EACCES", "EAGAIN", "EBADMSG", "EBUSY", "EDQUOT", "EEXIST", "EFBIG", "EHOSTDOWN",
    "EHOSTUNREACH", "EILSEQ", "EINTR", "EIO", "EISDIR", "ELOOP", "EMFILE", "EMLINK",
    "ENAMETOOLONG", "ENETDOWN", "ENETUNREACH", "ENFILE", "ENODEV", "ENOLCK", "ENOSPC",
    "ENOTCONN", "ENOTDIR", "ENOTEMPTY", "ENOTSUP", "ENXIO", "EOPNOTSUPP", "EOVERFLOW", "EPERM",
    "EREMOTEIO", "EROFS", "ESTALE", "ETIMEDOUT", "ETXTBSY", "EUCLEAN", "EXDEV",
)
# fmt: on
FAULTS = frozenset(getattr(errno, name) for name in NAMES if hasattr(errno, name))
OF_PATHS = frozenset((errno.EINVAL, errno.ENOENT))
"""Faults of a path if the error names one, and bugs if it does not."""
MEGABYTE = 10**6
BESIDES = MEGABYTE
"""Bytes that a checkpoint needs besides its tensors: names, manifest, blocks begun."""


def aside_of(path: Path) -> Path:
    """Return a name beside `path` that nobody can guess, with the same suffix."""
    return path.with_name(f"{ASIDE}{os.getpid()}-{secrets.token_hex(8)}{path.suffix}")


def trash_of(path: Path) -> Path:
    """Return a hidden name beside `path`, for what is about to be removed."""
    return path.with_name(f"{TRASH}{secrets.token_hex(8)}")


def sweep(folder: Path, *, shared: bool = True) -> None:
    """Remove what killed processes have left in a folder, as far as possible; follow no link.

    In a shared folder, files that another process is still writing stay.
    """
    leftovers: list[Path] = []
    with suppress(OSError):
        leftovers = [path for path in folder.iterdir() if path.name.startswith((ASIDE, TRASH))]
    for leftover in leftovers:
        if not (shared and _is_being_written(leftover.name)):
            remove(leftover)


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, as far as possible."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _is_being_written(name: str) -> bool:
    """Whether another process of this machine is writing a file of this name."""
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
        OSError: When the disk is full or failing; the old file stays as it is.
    """
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


@contextmanager
def written_aside(path: Path, *, durably: bool = True) -> Iterator[Path]:
    """Yield an empty file beside `path`, which takes its place if all goes well.

    Nobody else knows its name, and a link at `path` is replaced, not followed. Its folder exists.
    Unless `durably` is False, name and content are on the disk when the context ends.

    Raises:
        OSError: When the disk is full or failing; the old file stays as it is.
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
    """Make durable what was written to a plain file by other means."""
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
    """Sync as `os.fsync` does, which never gives up where a file system only says EINTR (PEP 475).

    Raises:
        OSError: When the disk is full or failing; EINTR after all attempts.
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
    """Return the C library's fsync; None where there is none."""
    if os.name == "nt":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    return getattr(library, "fsync", None)


def is_fault(error: BaseException) -> bool:
    """Whether an exception tells of a file system's fault, not of a bug."""
    if not isinstance(error, OSError):
        return False
    return error.errno in FAULTS or (error.errno in OF_PATHS and error.filename is not None)


def in_words(error: OSError) -> str:
    """Return what went wrong, and with which file where that is known."""
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{reason}: {error.filename}"


log = logging.getLogger("gantool")


def bytes_of(state: object) -> int:
    """Return how many bytes the tensors of a state take up."""
    parts: Iterable[object] = ()
    if isinstance(state, dict):
        parts = state.values()
    elif isinstance(state, list):
        parts = state
    return int(getattr(state, "nbytes", 0)) + sum(map(bytes_of, parts))


def require_space(folder: Path, needed: int) -> None:
    """Check that the disk can hold what is about to be written.

    Raises:
        OSError: ENOSPC, when it cannot. A disk of unknown size is taken to have room.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return
    if free < needed + BESIDES:
        raise OSError(
            errno.ENOSPC,
            f"the disk has {_megabytes(free)} free and it needs {_megabytes(needed + BESIDES)}",
            str(folder),
        )
    if free < 2 * (needed + BESIDES):
        log.warning(  # the same words each time, so that they are shown once
            "the disk of %s is nearly full: it can hold one more checkpoint of %s, not two",
            folder,
            _megabytes(needed),
        )


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:,.1f} MB"
