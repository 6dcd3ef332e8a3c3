"""The disk: its faults in words, and its free space, looked at before a checkpoint is written."""

from __future__ import annotations

import errno
import logging
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


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
