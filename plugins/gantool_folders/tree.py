"""A tree of image files, listed once and opened one by one."""

from __future__ import annotations

import logging
import os
from array import array
from typing import TYPE_CHECKING, Literal

from gantool import DataError, OtherFiles, is_image_name, open_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from PIL.Image import Image

Labels = Literal["auto", "folders", "none"]
File = tuple[str, int, int, int]
"""Name, size in bytes, its time, and the file system's own time of the last change, in ns."""

NAME_IT = "name the folder of your pictures with --set dataset.folder=PATH"

logger = logging.getLogger("gantool.folders")


class ImageTree:
    """Images below a folder, sorted by folder and name. Implements `gantool.ImageSource`.

    It is pickled as names and numbers, in columns.

    Args:
        root: The folder.
        listing: Folders below it, as paths with "/" between levels, and their files.
        labels: Whether first-level folders are classes.
        others: Paths of the files that are not read.
    """

    def __init__(
        self,
        root: Path,
        listing: dict[str, list[File]],
        labels: Labels,
        others: Iterable[str] = (),
    ) -> None:
        self.root = root
        self._others = list(others)
        self.classes = class_folders(listing, labels)
        self._folders = sorted(listing)
        self._names: list[str] = []
        self._folder_of, self._sizes = array("L"), array("Q")
        self._times, self._changes = array("q"), array("q")
        for number, folder in enumerate(self._folders):
            for name, size, time, change in sorted(listing[folder]):
                self._names.append(name)
                self._folder_of.append(number)
                self._sizes.append(size)
                self._times.append(time)
                self._changes.append(change)
        numbers = {name: number for number, name in enumerate(self.classes)}
        self._labels = [numbers.get(_printable(first_level(path))) for path in self._folders]

    def __len__(self) -> int:
        """Number of images."""
        return len(self._names)

    def image(self, index: int) -> Image:
        """Open an image, not decoding it yet.

        Raises:
            OSError: When the file cannot be read or is no image.
        """
        return open_image(os.path.join(self.root, self._path(index)))

    def label(self, index: int) -> int | None:
        """Return the class, or None for images that are in no class folder."""
        return self._labels[self._folder_of[index]]

    def name(self, index: int) -> str:
        """Return the path below the folder."""
        return _printable(self._path(index))

    def stamp(self, index: int) -> tuple[int, int]:
        """Return the size in bytes and the time of the last change in nanoseconds."""
        return self._sizes[index], self._times[index]

    def changed(self, index: int) -> int:
        """Return the file system's time of the last change, in nanoseconds."""
        return self._changes[index]

    def other_files(self) -> list[str]:
        """Return the files below the folder that are not read, sorted."""
        return sorted(map(_printable, self._others))

    def __getstate__(self) -> dict[str, object]:
        """Leave out what decoding processes have no use for."""
        return {**self.__dict__, "_others": []}

    def _path(self, index: int) -> str:
        folder = self._folders[self._folder_of[index]]
        return f"{folder}/{self._names[index]}" if folder else self._names[index]


def open_tree(root: Path, labels: Labels) -> ImageTree:
    """List the images below a folder.

    Links to files are followed. Links to folders are not, since a loop of them would have no end.

    Raises:
        DataError: When the folder is missing, unreadable, or holds no images.
    """
    if not root.is_dir():
        found = "is a file" if root.exists() else "does not exist"
        raise DataError(f"the folder {root} of dataset 'folder' {found}", NAME_IT)
    others: list[str] = []
    try:
        listing = {path: files for path, files in _walk(root, others) if files}
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
    counted = OtherFiles(others)
    if not listing:
        found = f"there, at any depth: {counted}" if others else "it is empty"
        raise DataError(f"no images in {root}", f"{found}; {NAME_IT}")
    if pictures := counted.pictures():
        logger.warning("not read in %s: %s", root, pictures)
    return ImageTree(root, listing, labels, others)


def class_folders(listing: dict[str, list[File]], labels: Labels) -> tuple[str, ...]:
    """Return the first-level folders that are classes, sorted; empty where there are none."""
    named = sorted({_printable(first_level(path)) for path in listing if path})
    everything_named = "" not in listing and len(named) > 1
    return tuple(named) if labels == "folders" or (labels == "auto" and everything_named) else ()


def first_level(path: str) -> str:
    """Return the first folder of a path."""
    return path.partition("/")[0]


def _walk(root: Path, others: list[str]) -> Iterator[tuple[str, list[File]]]:
    """Yield every folder's path below the root, with the images that lie directly in it.

    Args:
        root: The folder.
        others: Is given the paths of the files that are not read.
    """
    pending = [""]
    while pending:
        path = pending.pop()
        files = []
        with os.scandir(os.path.join(root, path)) as entries:
            for entry in filter(_leads_somewhere, entries):
                below = f"{path}/{entry.name}" if path else entry.name
                if entry.is_dir():
                    pending.append(below)
                elif entry.is_file() and is_image_name(entry.name):
                    status = entry.stat()
                    # on Windows it is the time when the file was made
                    change = status.st_ctime_ns if os.name == "posix" else 0
                    files.append((entry.name, status.st_size, status.st_mtime_ns, change))
                else:
                    others.append(below)
        yield path, files


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


def _printable(name: str) -> str:
    """Replace the bytes of a file name that are no text, so that it can be shown and written."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
