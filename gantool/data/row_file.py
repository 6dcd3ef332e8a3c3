"""A file of equal rows, one for each image, in NumPy's format; written in any order."""

from __future__ import annotations

import struct
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gantool.files.durable import sync_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

HEADER_BYTES = 128
"""Length of every header, so that the number of rows can change without moving them."""
MOVE_BYTES = 16 << 20


@dataclass(frozen=True)
class RowFile:
    """A file that becomes an array uint8 [N, *shape].

    Attributes:
        path: The file.
        shape: Of a row.
    """

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

    @contextmanager
    def writing(self) -> Iterator[Callable[[int, bytes], None]]:
        """Open the file; yield what writes one row, which outlives this process at once."""
        with self.path.open("r+b") as file:  # a map would count every page as this process's own

            def write(row: int, content: bytes) -> None:
                file.seek(self._bytes(row))
                file.write(content)
                file.flush()

            yield write

    def sync(self) -> None:
        """Bring the rows to the disk."""
        sync_path(self.path)

    def drop(self, dropped: Iterable[int], rows: int) -> None:
        """Close the gaps that some of the rows leave, keeping the order."""
        bad = np.array(sorted(dropped), np.int64)
        if len(bad):
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


def npy_header(dtype: str, shape: Sequence[int]) -> bytes:
    """Return the header of an array in NumPy's format 1.0, always 128 bytes long."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    padded = text.ljust(HEADER_BYTES - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode("ascii")
