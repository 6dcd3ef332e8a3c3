"""A tree of image files, listed once and opened one by one."""

from __future__ import annotations

import logging
import os
from array import array
from typing import TYPE_CHECKING, Literal

from gantool import DataError, open_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL.Image import Image

Labels = Literal["auto", "folders", "none"]
File = tuple[str, int, int]
"""Name, size in bytes, time of the last change in nanoseconds."""

SUFFIXES = frozenset(
    {"avif", "bmp", "gif", "jfif", "jp2", "jpe", "jpeg", "jpg", "pbm", "pgm", "png", "pnm"}
    | {"ppm", "tga", "tif", "tiff", "webp"}
)
"""Endings of the names of files that Pillow reads as images."""

NAME_IT = "name the folder of your pictures with --set dataset.folder=PATH"

logger = logging.getLogger("gantool.folders")


class ImageTree:
    """Images below a folder, sorted by folder and name. Implements `gantool.ImageSource`.

    It is pickled as names and numbers, in columns.

    Args:
        root: The folder.
        listing: Folders below it, as paths with "/" between levels, and their files.
        labels: Whether first-level folders are classes.
    """

    def __init__(self, root: Path, listing: dict[str, list[File]], labels: Labels) -> None:
        self.root = root
        self.classes = class_folders(listing, labels)
        self._folders = sorted(listing)
        self._names: list[str] = []
        self._folder_of, self._sizes, self._times = array("L"), array("Q"), array("q")
        for number, folder in enumerate(self._folders):
            for name, size, time in sorted(listing[folder]):
                self._names.append(name)
                self._folder_of.append(number)
                self._sizes.append(size)
                self._times.append(time)
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
    try:
        listing = {path: files for path, files in _walk(root) if files}
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}") from error
    if not listing:
        looked_for = ", ".join(f".{suffix}" for suffix in sorted(SUFFIXES))
        raise DataError(f"no images in {root}", f"looked, at any depth, for {looked_for}")
    return ImageTree(root, listing, labels)


def class_folders(listing: dict[str, list[File]], labels: Labels) -> tuple[str, ...]:
    """Return the first-level folders that are classes, sorted; empty where there are none."""
    named = sorted({_printable(first_level(path)) for path in listing if path})
    everything_named = "" not in listing and len(named) > 1
    return tuple(named) if labels == "folders" or (labels == "auto" and everything_named) else ()


def first_level(path: str) -> str:
    """Return the first folder of a path."""
    return path.partition("/")[0]


def _walk(root: Path) -> Iterator[tuple[str, list[File]]]:
    """Yield every folder's path below the root, with the images that lie directly in it."""
    pending = [""]
    while pending:
        path = pending.pop()
        files = []
        with os.scandir(os.path.join(root, path)) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == ".":
                    continue
                if entry.is_symlink() and not os.path.exists(entry.path):
                    logger.warning("%s is a link that leads nowhere", entry.path)
                    continue
                if _is_image(name) and entry.is_file():
                    status = entry.stat()
                    files.append((name, status.st_size, status.st_mtime_ns))
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(f"{path}/{name}" if path else name)
                elif entry.is_symlink() and entry.is_dir():
                    logger.warning("%s is a link to a folder and is not followed", entry.path)
        yield path, files


def _is_image(name: str) -> bool:
    stem, _, suffix = name.rpartition(".")
    return stem != "" and suffix.lower() in SUFFIXES


def _printable(name: str) -> str:
    """Replace the bytes of a file name that are no text, so that it can be shown and written."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
