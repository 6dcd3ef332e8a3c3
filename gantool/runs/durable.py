"""Files that outlive a crash and a power cut: the old one or the new one, never a part."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def write_durably(path: Path, text: str) -> None:
    """Write a whole file aside, sync it, and put it in place.

    Raises:
        OSError: When the disk is full or failing; the file of before is left as it is.
    """
    aside = path.with_name(f".tmp-{path.name}")
    try:
        with aside.open("w", encoding="utf-8") as file:
            file.write(text)
            sync(file)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each as durable as what will be written into it.

    Raises:
        OSError: When the disk is full or failing.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync(file: IO[Any]) -> None:
    """Make what was written to an open file durable."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; Windows cannot open folders and needs no such call."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
