"""A preparation that is going on, or was interrupted: rows, and the journal of those decoded."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from gantool.data.decoding import UNREADABLE
from gantool.data.job import HEADER_BYTES, npy_header
from gantool.files.durable import sync, sync_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gantool.data.job import Chunk, DecodingJob, Skips

JOURNAL = "journal.jsonl"
COMMIT_SECONDS = 2.0
"""Work that a power failure may cost."""
MOVE_BYTES = 16 << 20
COMPACTING = {"compacting": True}


class Unfinished:
    """Rows that are being decoded, chunk by chunk.

    A chunk is in the journal only when its rows are on the disk, so that whatever the journal
    says after a crash is true.

    Args:
        job: What is decoded; its rows lie in the folder of the preparation.
        count: Number of images.

    Attributes:
        count: Number of images.
        images_done: Images decoded or skipped so far.
        skipped: Reason by index of each image that could not be used.
    """

    def __init__(self, job: DecodingJob, count: int) -> None:
        self.count = count
        self.images_done = 0
        self.skipped: dict[int, str] = {}
        self._job = job
        self._folder = job.rows.parent
        self._size = job.chunk_images
        self._done = np.zeros(-(-count // self._size), bool)  # [chunks]
        self._pending: list[str] = []
        self._committed = time.monotonic()
        self._resume()

    def remaining(self) -> Iterator[Chunk]:
        """Yield the chunks that are not done when their turn comes."""
        for number, done in enumerate(self._done):
            if not done:
                start = number * self._size
                yield start, min(start + self._size, self.count)

    def add(self, chunk: Chunk, skips: Skips) -> None:
        """Note that a chunk is decoded."""
        self._note(chunk, skips)
        self._pending.append(json.dumps({"chunk": chunk, "skips": skips}))
        if time.monotonic() - self._committed > COMMIT_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Bring rows, and then the journal, to the disk."""
        if not self._pending:
            return
        sync_path(self._job.rows)
        self._append(self._pending)
        self._pending.clear()
        self._committed = time.monotonic()

    def compact(self) -> None:
        """Close the gaps that skipped images left, keeping the order.

        Interrupted here, a preparation starts afresh: the journal no longer fits the rows.
        """
        self.commit()
        kept = self.count - len(self.skipped)
        if self.skipped:
            self._append([json.dumps(COMPACTING)])
            self._close_gaps()
        self._set_rows(kept, "r+b")

    def discard(self) -> None:
        """Forget everything that was decoded."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _resume(self) -> None:
        """Take up the journal of an interrupted preparation, or begin a new one."""
        entries = list(_entries(self._folder))
        if not self._rows_are_whole() or COMPACTING in entries:
            self.discard()
            self._folder.mkdir(parents=True)
            self._set_rows(self.count, "wb")
            return
        for entry in entries:
            if not any(reason.startswith(UNREADABLE) for _, reason in entry["skips"]):
                self._note(entry["chunk"], entry["skips"])

    def _rows_are_whole(self) -> bool:
        with suppress(OSError):
            return self._job.rows.stat().st_size == self._bytes(self.count)
        return False

    def _set_rows(self, rows: int, mode: str) -> None:
        """Write the header for a number of rows and give the file its length."""
        channels, height, width = self._job.shape
        with self._job.rows.open(mode) as file:
            file.write(npy_header("|u1", (rows, height, width, channels)))
            file.truncate(self._bytes(rows))

    def _bytes(self, rows: int) -> int:
        """Return where a row begins, or how long a file of so many rows is."""
        return HEADER_BYTES + rows * self._job.row_bytes

    def _note(self, chunk: Chunk, skips: Skips) -> None:
        self._done[chunk[0] // self._size] = True
        self.images_done += chunk[1] - chunk[0]
        self.skipped.update(skips)

    def _append(self, lines: list[str]) -> None:
        with (self._folder / JOURNAL).open("a", encoding="ascii") as file:
            file.write("\n".join(["", *lines, ""]))  # begins a line, even after one cut off
            sync(file)

    def _close_gaps(self) -> None:
        """Move rows towards the front, over those of skipped images."""
        size = self._job.row_bytes
        block = max(1, MOVE_BYTES // size)
        bad = np.array(sorted(self.skipped), np.int64)
        target = int(bad[0])
        with self._job.rows.open("r+b") as file:
            for start in range(target, self.count, block):
                stop = min(start + block, self.count)
                file.seek(self._bytes(start))
                rows = np.frombuffer(file.read((stop - start) * size), np.uint8).reshape(-1, size)
                kept = np.delete(rows, bad[(bad >= start) & (bad < stop)] - start, axis=0)
                file.seek(self._bytes(target))
                file.write(kept.data)
                target += len(kept)


def images_done(folder: Path) -> int:
    """Return how many images another process has decoded into this folder."""
    chunks = [entry["chunk"] for entry in _entries(folder) if "chunk" in entry]
    return sum(stop - start for start, stop in chunks)


def _entries(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the journal's entries, except one that a crash cut off."""
    with suppress(FileNotFoundError), (folder / JOURNAL).open(encoding="ascii") as file:
        for line in file:
            with suppress(ValueError):
                yield json.loads(line)
