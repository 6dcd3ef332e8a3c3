"""The work that can be divided: decode some images of a source into their rows of files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np

from gantool.data.prepare.decoding import DIGEST_BYTES, decode_one, quiet_decoders
from gantool.data.prepare.fingerprint import Rendering
from gantool.data.prepare.limits import Limits
from gantool.data.prepare.prepared import DIGESTS, HEADER_BYTES, IMAGES, SIZE, SIZES, npy_header
from gantool.interfaces.dataset import ImageSource

if TYPE_CHECKING:
    from collections.abc import Iterable

MOVE_BYTES = 16 << 20
Chunk = tuple[int, int]
"""Images from the first number up to, and without, the second."""
Skips = list[tuple[int, str]]
"""Index and reason of each image that could not be used."""
Starting = Callable[[int], None]
"""Is told the number of each image before anything of it is read."""
CHUNK_IMAGES = 64
CHUNK_BYTES = 8 << 20


@dataclass(frozen=True)
class RowFile:
    """A file that becomes an array uint8 [N, *shape]."""

    path: Path
    shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return prod(self.shape)

    def create(self, rows: int) -> None:
        """Make the file, all zeros."""
        self._set_length(rows, "wb")

    def is_whole(self, rows: int) -> bool:
        """Whether the file is there and has so many rows."""
        with suppress(OSError):
            return self.path.stat().st_size == self._bytes(rows)
        return False

    def write(self, file: IO[bytes], row: int, content: bytes) -> None:
        """Write one row into the open file; it outlives this process at once."""
        file.seek(self._bytes(row))
        file.write(content)
        file.flush()

    def drop(self, dropped: Iterable[int], rows: int) -> None:
        """Close the gaps that some of the rows, at least one, leave, keeping the order."""
        bad = np.array(sorted(dropped), np.int64)
        self._move(bad, rows)
        self._set_length(rows - len(bad), "r+b")

    def _move(self, bad: np.ndarray, rows: int) -> None:
        """Move rows towards the front, over those that are dropped."""
        size = self.row_bytes
        block = max(1, MOVE_BYTES // size)
        target = int(bad[0])
        with self.path.open("r+b") as file:
            for start in range(target, rows, block):
                stop = min(start + block, rows)
                file.seek(self._bytes(start))
                moved = np.frombuffer(file.read((stop - start) * size), np.uint8).reshape(-1, size)
                kept = np.delete(moved, bad[(bad >= start) & (bad < stop)] - start, axis=0)
                file.seek(self._bytes(target))
                file.write(kept.data)
                target += len(kept)

    def _set_length(self, rows: int, mode: str) -> None:
        """Write the header for a number of rows and give the file its length."""
        with self.path.open(mode) as file:
            file.write(npy_header("|u1", (rows, *self.shape)))
            file.truncate(self._bytes(rows))

    def _bytes(self, row: int) -> int:
        """Return where a row begins, or how long a file of so many rows is."""
        return HEADER_BYTES + row * self.row_bytes


class Job(Protocol):
    """Work on images in a process of its own; it is pickled on its way there."""

    @property
    def source(self) -> ImageSource:
        """The source of the images."""

    @property
    def limits(self) -> Limits:
        """Limits of what one file may cost."""

    def run(self, chunk: Chunk, starting: Starting) -> list[Any]:
        """Return what is to be said of a chunk, as plain data; it may be empty."""

    def lost(self, number: int, reason: str) -> list[Any]:
        """Return what is to be said of an image that ended the process."""


@dataclass(frozen=True)
class DecodingJob:
    """Decode images to rows of a folder's files, in any order and process; or on trial."""

    source: ImageSource
    rendering: Rendering
    folder: Path | None
    limits: Limits = field(default_factory=Limits)

    @property
    def row_bytes(self) -> int:
        """Bytes of one decoded image."""
        return prod(self.rendering.shape)

    @property
    def chunk_images(self) -> int:
        """Images that one process decodes at a time."""
        return max(1, min(CHUNK_IMAGES, CHUNK_BYTES // self.row_bytes))

    def files(self, folder: Path) -> tuple[RowFile, RowFile, RowFile]:
        """Return the files of rows: pixels [N, H, W, C], digests [N, 16], sizes [N, 12]."""
        channels, height, width = self.rendering.shape
        return (
            RowFile(folder / IMAGES, (height, width, channels)),
            RowFile(folder / DIGESTS, (DIGEST_BYTES,)),
            RowFile(folder / SIZES, (SIZE.size,)),
        )

    def run(self, chunk: Chunk, starting: Starting) -> Skips:
        """Decode a chunk into its rows.

        Raises:
            GantoolError: When the source says that something is wrong.
            OSError: When the rows cannot be written.
        """
        skips: Skips = []
        files = () if self.folder is None else self.files(self.folder)
        with quiet_decoders(), ExitStack() as stack:
            # a map would count every page as this process's own
            handles = [stack.enter_context(file.path.open("r+b")) for file in files]
            for index in range(*chunk):
                starting(index)
                with self.limits.applied() as allowance:
                    decoded = decode_one(self.source, index, self.rendering, allowance)
                if decoded.pixels is None:
                    skips.append((index, decoded.reason))
                    continue
                size = SIZE.pack(*decoded.size, decoded.converted)
                rows = (decoded.pixels.tobytes(), decoded.digest, size)
                for file, handle, row in zip(files, handles, rows, strict=False):  # none on trial
                    file.write(handle, index, row)
        return skips

    def lost(self, number: int, reason: str) -> Skips:
        """Skip an image that ended the process."""
        return [(number, reason)]
