"""Gantool's cache: files that were generated, fetched or prepared, and can be made again."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from gantool.errors import DiskError
from gantool.files.disk import TRASH, remove, trash_of
from gantool.files.plain import is_plain_folder, refuse_link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VARIABLE = "GANTOOL_CACHE"
DATASETS = "datasets"
PREPARED = "prepared"
FEATURES = "features"
SECTIONS = (DATASETS, PREPARED, FEATURES)
UNFINISHED = ".unfinished-"
TAG = "CACHEDIR.TAG"
TAG_TEXT = """Signature: 8a477f597d28d172789f06886806bc55
# This folder holds files that gantool can make again. See https://bford.info/cachedir/
"""


@dataclass(frozen=True)
class CacheEntry:
    """One folder of the cache.

    Attributes:
        section: "datasets", "prepared" or "features".
        name: As in "artworks" or "artworks-64x64x3-stretch-0f3a…".
        last_used: In seconds since 1970.
        unfinished: Whether it is a preparation that was interrupted or is going on.
    """

    section: str
    name: str
    path: Path
    size_bytes: int
    last_used: float
    unfinished: bool = False


def root() -> Path:
    """Return the cache's folder, which may not exist yet.

    It is $GANTOOL_CACHE, else $XDG_CACHE_HOME/gantool, else ~/.cache/gantool; where there is no
    writable home, a private folder among the temporary files.

    Raises:
        DiskError: When somebody else owns that temporary folder.
    """
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser().absolute()
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute()
    except RuntimeError:  # no home folder at all
        return _private_temporary()
    return home / "gantool" if _can_write(home / "gantool") else _private_temporary()


def dataset_cache(name: str) -> Path:
    """Return a dataset's own folder for generated or fetched files; it may not exist yet."""
    with suppress(OSError):  # a dataset that needs no cache must not need a writable one
        _make_section(DATASETS)
    return root() / DATASETS / name


def prepared_cache() -> Path:
    """Return the folder of prepared images, made if missing."""
    try:
        return _make_section(PREPARED)
    except OSError as error:
        raise DiskError(
            f"cannot make the cache folder {root() / PREPARED}: {error.strerror}",
            f"set {VARIABLE} to a folder that can be written",
        ) from error


def features_cache() -> Path:
    """Return the folder of real images' features, made if missing."""
    return _make_section(FEATURES)


def entry_lock(section: str, name: str) -> FileLock:
    """Return the lock to hold while making or deleting an entry."""
    locks = root() / ".locks"
    refuse_link(locks)
    locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / f"{section}-{name}.lock")


def entries() -> list[CacheEntry]:
    """Return what is in the cache, the most recently used first.

    Only sections that gantool itself made are looked at, and no symbolic link is followed.
    """
    found = []
    for section in _sections():
        with os.scandir(section) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False) and not item.name.startswith(TRASH):
                    found.append(_describe(section.name, item))
    return sorted(found, key=lambda entry: entry.last_used, reverse=True)


def clear(chosen: Iterable[CacheEntry]) -> list[CacheEntry]:
    """Delete entries and return those that are gone; entries being made are left alone.

    Only what `entries` lists now is deleted, and what an interrupted call has left.

    Raises:
        DiskError: When the file system refuses.
    """
    paths = {entry.path for entry in chosen}
    current = [entry for entry in entries() if entry.path in paths]
    gone = [entry for entry in current if _delete(entry)]
    for section in _sections():
        for trash in section.glob(f"{TRASH}*"):
            remove(trash)
    return gone


def _can_write(folder: Path) -> bool:
    """Whether the folder, or the nearest existing one above it, can be written."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK | os.X_OK)


def _private_temporary() -> Path:
    """Return this user's own cache folder among the temporary files."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"gantool-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    foreign = hasattr(os, "getuid") and folder.lstat().st_uid != user
    if foreign or not is_plain_folder(folder):  # planted by another user of this machine
        raise DiskError(f"{folder} is not this user's folder", f"set {VARIABLE} to another one")
    return folder


def _make_section(section: str) -> Path:
    """Make a section; tag it as gantool's own if it is empty."""
    folder = root() / section
    refuse_link(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        (folder / TAG).write_text(TAG_TEXT, encoding="utf-8")
    return folder


def _sections() -> Iterator[Path]:
    """Yield the folders of the sections that gantool made."""
    for section in SECTIONS:
        folder = root() / section
        if not folder.is_symlink() and (folder / TAG).is_file():
            yield folder


def _describe(section: str, item: os.DirEntry[str]) -> CacheEntry:
    files = list(_statuses(item.path))
    used = [item.stat(follow_symlinks=False).st_mtime, *(status.st_mtime for status in files)]
    return CacheEntry(
        section=section,
        name=item.name.removeprefix(UNFINISHED),
        path=Path(item.path),
        size_bytes=sum(status.st_size for status in files),
        last_used=max(used),
        unfinished=item.name.startswith(UNFINISHED),
    )


def _statuses(folder: str) -> Iterator[os.stat_result]:
    with suppress(FileNotFoundError), os.scandir(folder) as items:  # deleted while looking
        for item in items:
            if item.is_dir(follow_symlinks=False):
                yield from _statuses(item.path)
            else:
                yield item.stat(follow_symlinks=False)


def _delete(entry: CacheEntry) -> bool:
    """Delete an entry, hiding it first, unless somebody holds its lock."""
    try:
        with entry_lock(entry.section, entry.name).acquire(timeout=0):
            trash = trash_of(entry.path)
            entry.path.rename(trash)
            shutil.rmtree(trash)
    except Timeout:
        return False
    except OSError as error:
        raise DiskError(f"cannot delete {entry.path}: {error.strerror}") from error
    return True
