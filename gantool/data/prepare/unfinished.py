"""A preparation that goes on or was interrupted: its rows, and the journal of decoded chunks."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from gantool.data.prepare.decoding import UNREADABLE
from gantool.data.prepare.prepared import (
    HEADER_BYTES,
    LABELS,
    NAME_ENDS,
    NAMES,
    UNLABELED,
    npy_header,
)
from gantool.files.disk import remove, sync, sync_path
from gantool.files.plain import holds_plain_files, open_plain

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from gantool.data.prepare.job import Chunk, DecodingJob, Skips
    from gantool.interfaces.dataset import ImageSource

JOURNAL = "journal.jsonl"
COMMIT_SECONDS = 2.0
"""Work that a power failure may cost."""
COMPACTING = {"compacting": True}
BLOCK_IMAGES = 4096


class Unfinished:
    """Rows that are being decoded, chunk by chunk.

    A chunk is in the journal only when its rows are on the disk, so the journal is true also after
    a crash.
    """

    def __init__(self, job: DecodingJob, count: int) -> None:
        self.count = count
        self.images_done = 0
        self.skipped: dict[int, str] = {}
        assert job.folder is not None
        self._folder = job.folder
        self._files = job.files(job.folder)
        self._size = job.chunk_images
        self._done = np.zeros(-(-count // self._size), bool)  # [chunks]
        self._pending: list[str] = []
        self._committed = time.monotonic()
        self._resume()

    def remaining(self) -> Iterator[Chunk]:
        """Yield the chunks that are not done yet."""
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
        """Sync the rows, and then the journal."""
        if not self._pending:
            return
        for file in self._files:
            sync_path(file.path)
        self._append(self._pending)
        self._pending.clear()
        self._committed = time.monotonic()

    def compact(self) -> None:
        """Close the gaps that skipped images left, keeping the order.

        Interrupted here, a preparation starts afresh: the journal no longer fits the rows.
        """
        self.commit()
        if self.skipped:
            self._append([json.dumps(COMPACTING)])
            for file in self._files:
                file.drop(self.skipped, self.count)

    def discard(self) -> None:
        """Forget everything that was decoded."""
        remove(self._folder)

    def _resume(self) -> None:
        """Go on with an interrupted preparation, or begin a new one."""
        is_ours = holds_plain_files(self._folder)
        entries = list(_entries(self._folder)) if is_ours else []
        whole = is_ours and all(file.is_whole(self.count) for file in self._files)
        if not whole or None in entries:
            self.discard()
            self._folder.mkdir(parents=True)
            for file in self._files:
                file.create(self.count)
            return
        for chunk, skips in filter(None, entries):
            unread = any(reason.startswith(UNREADABLE) for _, reason in skips)
            if not unread and self._is_chunk(chunk, skips):
                self._note(chunk, skips)

    def _is_chunk(self, chunk: Chunk, skips: Skips) -> bool:
        start, stop = chunk
        whole = start % self._size == 0 and stop == min(start + self._size, self.count)
        return whole and 0 <= start < stop and all(start <= index < stop for index, _ in skips)

    def _note(self, chunk: Chunk, skips: Skips) -> None:
        self._done[chunk[0] // self._size] = True
        self.images_done += chunk[1] - chunk[0]
        self.skipped.update(skips)

    def _append(self, lines: list[str]) -> None:
        with (self._folder / JOURNAL).open("a", encoding="ascii") as file:
            file.write("\n".join(["", *lines, ""]))  # begins a line, even after one cut off
            sync(file)


def images_done(folder: Path) -> int:
    """Return how many images another process has decoded into this folder."""
    return sum(stop - start for (start, stop), _ in filter(None, _entries(folder)))


def _entries(folder: Path) -> Iterator[tuple[Chunk, Skips] | None]:
    """Yield the journal's entries, None for `COMPACTING`, without one that a crash cut off."""
    with suppress(OSError), open_plain(folder / JOURNAL) as file:
        for line in file:
            with suppress(ValueError, ArithmeticError, RecursionError, TypeError, KeyError):
                document = json.loads(line)
                if document == COMPACTING:
                    yield None
                    continue
                (start, stop), skips = document["chunk"], document["skips"]
                said = [(int(index), str(reason)) for index, reason in skips]
                yield (int(start), int(stop)), said


def write_columns(folder: Path, source: ImageSource, skipped: Container[int]) -> tuple[int, int]:
    """Write labels and names of the images not skipped; return their number, and names' bytes."""
    count = length = 0
    with (
        (folder / LABELS).open("wb") as labels,
        (folder / NAMES).open("wb") as names,
        (folder / NAME_ENDS).open("wb") as ends,
    ):
        for file in (labels, names, ends):
            file.seek(HEADER_BYTES)
        for block in _blocks(len(source), skipped):
            texts = [source.name(index).encode("utf-8", "surrogatepass") for index in block]
            stops = length + np.cumsum([len(text) + 1 for text in texts], dtype=np.int64)
            found = (source.label(index) for index in block)
            numbers = [UNLABELED if label is None else label for label in found]
            labels.write(np.array(numbers, np.int64).data)
            names.write(b"".join(text + b"\n" for text in texts))
            ends.write((stops - 1).data)
            count, length = count + len(block), int(stops[-1])
        headers = ((labels, "<i8", count), (names, "|u1", length), (ends, "<i8", count))
        for file, dtype, rows in headers:
            file.seek(0)
            file.write(npy_header(dtype, (rows,)))
    return count, length


def _blocks(count: int, skipped: Container[int]) -> Iterator[list[int]]:
    """Yield the indices that were not skipped, some thousands at a time."""
    for start in range(0, count, BLOCK_IMAGES):
        stop = min(start + BLOCK_IMAGES, count)
        if block := [index for index in range(start, stop) if index not in skipped]:
            yield block
