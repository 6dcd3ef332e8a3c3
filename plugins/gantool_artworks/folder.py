"""A store that is a folder."""

from __future__ import annotations

import hashlib
import logging
import os
from typing import TYPE_CHECKING

from gantool import DataError, is_image_name, open_image
from gantool_artworks.store import ARTISTS, INNER_LEVELS, LARGEST_TABLE, File, Folder

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

logger = logging.getLogger("gantool.artworks")


class FolderStore:
    """A tree of image files.

    Links to files are followed. Links to folders are not, since a loop of them would have no end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def levels(self) -> tuple[str, ...]:
        """The last names of the path: a user may point at an inner level, such as `images`."""
        inner: list[str] = []
        for name in reversed(self.path.resolve().parts):
            if name.casefold() not in INNER_LEVELS:
                break
            inner.insert(0, name)
        return tuple(inner)

    def listing(self) -> tuple[list[Folder], list[str]]:
        """List the tree: one system call a file, which tells its size and time."""
        found, others, pending = [], list[str](), [""]
        try:
            while pending:
                path = pending.pop()
                files, below = self._scan(path, others)
                pending += below
                if files:
                    found.append(Folder(path, sorted(files)))
        except OSError as error:
            raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
        return sorted(found), others

    def _scan(self, path: str, others: list[str]) -> tuple[list[File], list[str]]:
        """Return the images and the folders that lie directly in one folder; note other files."""
        files, folders = [], []
        with os.scandir(os.path.join(self.path, path)) as entries:
            for entry in filter(_leads_somewhere, entries):
                below = f"{path}/{entry.name}" if path else entry.name
                if entry.is_dir():
                    folders.append(below)
                elif entry.is_file() and is_image_name(entry.name):
                    status = entry.stat()
                    # on Windows it is the time when the file was made
                    change = status.st_ctime_ns if os.name == "posix" else 0
                    files.append((entry.name, status.st_size, status.st_mtime_ns, change))
                elif entry.name != ARTISTS:
                    others.append(below)
        return files, folders

    def artists_file(self) -> bytes | None:
        """Read `artists.csv` in the folder, or above it where it is an inner level."""
        place = self.path.resolve()
        while not (file := place / ARTISTS).is_file():
            if place.name.casefold() not in INNER_LEVELS:
                return None
            place = place.parent
        with file.open("rb") as content:
            return content.read(LARGEST_TABLE)

    def image(self, name: str) -> Image:
        """Open an image file."""
        return open_image(os.path.join(self.path, name))

    def fingerprint(self, name: str, mark: int) -> bytes:
        """Hash a file's content; one that cannot be read equals no other."""
        del mark
        try:
            with (self.path / name).open("rb") as content:
                return hashlib.file_digest(content, "blake2b").digest()
        except OSError:
            return os.fsencode(name)


def _leads_somewhere(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is neither hidden nor a link that is not followed, which is said."""
    if entry.name[0] == ".":
        return False
    if entry.is_symlink() and not os.path.exists(entry.path):
        logger.warning("%s is a link that leads nowhere", entry.path)
        return False
    if entry.is_symlink() and entry.is_dir():
        logger.warning("%s is a link to a folder and is not followed", entry.path)
        return False
    return True
