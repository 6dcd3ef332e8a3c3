"""Errors that are the file system's: the disk, the network behind it, or the path."""

from __future__ import annotations

import errno

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
"""What is wrong with a path where one is named, and with a program where none is."""


def is_fault(error: BaseException) -> bool:
    """Whether an exception tells of a file system's fault, not of a bug."""
    if not isinstance(error, OSError):
        return False
    return error.errno in FAULTS or (error.errno in OF_PATHS and error.filename is not None)


def in_words(error: OSError) -> str:
    """Return what went wrong, and with which file where that is known."""
    reason = error.strerror or str(error) or type(error).__name__
    return reason if error.filename is None else f"{reason}: {error.filename}"
