"""Labels and names of prepared images, written in blocks beside the pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gantool.data.prepared import LABELS, NAME_ENDS, NAMES, UNLABELED
from gantool.data.row_file import HEADER_BYTES, npy_header

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from gantool.interfaces.dataset import ImageSource

BLOCK_IMAGES = 4096


def write_columns(folder: Path, source: ImageSource, skipped: Container[int]) -> tuple[int, int]:
    """Write labels and names of the images that were not skipped, in the order of the source.

    Returns:
        Number of images, and bytes of all names.
    """
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
            labels.write(np.array([_label(source, index) for index in block], np.int64).data)
            names.write(b"".join(text + b"\n" for text in texts))
            ends.write((stops - 1).data)
            count, length = count + len(block), int(stops[-1])
        for file, dtype, rows in (
            (labels, "<i8", count),
            (names, "|u1", length),
            (ends, "<i8", count),
        ):
            file.seek(0)
            file.write(npy_header(dtype, (rows,)))
    return count, length


def _blocks(count: int, skipped: Container[int]) -> Iterator[list[int]]:
    """Yield the indices that were not skipped, some thousands at a time."""
    for start in range(0, count, BLOCK_IMAGES):
        stop = min(start + BLOCK_IMAGES, count)
        if block := [index for index in range(start, stop) if index not in skipped]:
            yield block


def _label(source: ImageSource, index: int) -> int:
    label = source.label(index)
    return UNLABELED if label is None else label
