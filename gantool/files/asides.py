"""Names of files that are being written beside their place, and what killed processes leave."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ASIDE = ".tmp-"
TRASH = ".trash-"


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
