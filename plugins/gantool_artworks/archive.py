"""A store that is a zip file, read in place: nothing is ever extracted."""

from __future__ import annotations

import io
import logging
import os
import stat
import struct
from threading import Lock
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile, ZipInfo

from gantool import DataError, is_image_name, open_image
from gantool_artworks.store import ARTISTS, LARGEST_TABLE, File, Folder

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

logger = logging.getLogger("gantool.artworks")

MOST_ENTRIES = 200_000
LARGEST_DIRECTORY = 32_000_000
"""Bytes of a central directory that is still read; the Kaggle file's has about 2 million."""
FETCH_AGAIN = "fetch it again: a download may have been cut off"
LARGEST_IMAGE = 200_000_000
"""Unpacked bytes of an entry that is still read."""


class Archive:
    """The image files inside a zip file.

    Entries are read by the names they have; a name that climbs out of the archive harms nobody,
    as no file is made. Each process opens the file for itself: a handle inherited over a fork
    would share its position with the parent's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._opened: tuple[int, ZipFile] | None = None

    def __reduce__(self) -> tuple[type[Archive], tuple[Path]]:
        return Archive, (self.path,)

    @property
    def levels(self) -> tuple[str, ...]:
        """A zip file's place says nothing of its layout."""
        return ()

    def listing(self) -> tuple[list[Folder], list[str]]:
        """List the images by the central directory, which holds sizes and checksums."""
        files: dict[str, dict[str, File]] = {}
        others: list[str] = []
        for entry in self._entries():
            path, _, name = entry.filename.rpartition("/")
            if not name or name[0] == "." or _is_hidden(path) or not _is_plain(entry):
                continue
            if is_image_name(name):
                files.setdefault(path, {})[name] = (name, entry.file_size, entry.CRC, 0)
            elif name != ARTISTS:
                others.append(entry.filename)
        folders = sorted(Folder(path, sorted(named.values())) for path, named in files.items())
        return folders, others

    def artists_file(self) -> bytes | None:
        """Read the `artists.csv` that is nearest to the archive's root."""
        named = [e.filename for e in self._entries() if e.filename.rpartition("/")[2] == ARTISTS]
        visible = [name for name in named if not _is_hidden(name)]
        if not visible:
            return None
        try:
            return self._read(min(visible, key=lambda name: (name.count("/"), name)), LARGEST_TABLE)
        except OSError as error:
            raise DataError(f"artists.csv in {self.path}: {error}", FETCH_AGAIN) from error

    def image(self, name: str) -> Image:
        """Open an image, whose compressed bytes are read at once."""
        return open_image(io.BytesIO(self._read(name, LARGEST_IMAGE)))

    def fingerprint(self, name: str, mark: int) -> int:
        """Return the checksum that the archive holds anyway."""
        del name
        return mark

    def _read(self, name: str, most: int) -> bytes:
        """Return an entry's content, up to a number of bytes.

        Raises:
            OSError: When it is damaged, encrypted or gone.
        """
        try:
            archive = self._archive()
            size = archive.getinfo(name).file_size
            with self._lock:  # `zipfile` counts its open entries without a lock of its own
                entry = archive.open(name)
            try:
                return entry.read(min(size, most))  # unpacks no more than the directory promises
            finally:
                with self._lock:
                    entry.close()
        except Exception as error:  # `zipfile` and each of its decompressors raise their own
            raise OSError(str(error)) from error

    def _archive(self) -> ZipFile:
        """Return the open archive of this process."""
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                self._opened = os.getpid(), ZipFile(self.path)
            return self._opened[1]

    def _entries(self) -> list[ZipInfo]:
        """Return the central directory.

        Raises:
            DataError: When the file is no whole zip file, or an absurdly large one.
        """
        try:
            size = directory_size(self.path)
            entries = [] if size > LARGEST_DIRECTORY else self._archive().infolist()
        except Exception as error:  # as above: a hostile directory can raise anything
            raise DataError(f"{self.path} is no whole zip file: {error}", FETCH_AGAIN) from error
        if size > LARGEST_DIRECTORY or len(entries) > MOST_ENTRIES:
            raise DataError(f"{self.path} holds more than {MOST_ENTRIES:,} files")
        return entries


def directory_size(path: Path) -> int:
    """Return the bytes of a zip file's central directory, as its last record states them.

    `zipfile` reads the whole directory at once; a hostile one could fill the memory. The records
    are those of PKWARE's APPNOTE 6.3.10, sections 4.3.14 to 4.3.16.

    Raises:
        BadZipFile: When there is no such record.
    """
    with path.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(max(0, length - 22 - 65_535 - 76))  # record, longest comment, 64-bit records
        tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        raise BadZipFile("the end of its directory is missing")
    (size,) = struct.unpack_from("<L", tail, at + 12)
    if at >= 76 and tail[at - 76 : at - 72] == b"PK\6\6" and tail[at - 20 : at - 16] == b"PK\6\7":
        (size,) = struct.unpack_from("<Q", tail, at - 76 + 40)
    return int(size)


def _is_plain(entry: ZipInfo) -> bool:
    """Whether an entry is a file of credible size, neither a link nor a device."""
    if entry.file_size > LARGEST_IMAGE:
        logger.warning("%s claims %s bytes and is left out", entry.filename, entry.file_size)
        return False
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return kind in (0, stat.S_IFREG)


def _is_hidden(path: str) -> bool:
    """Whether a level of a path is hidden, leads upward, or is one of macOS's own."""
    return any(level.startswith(".") or level == "__MACOSX" for level in path.split("/"))
