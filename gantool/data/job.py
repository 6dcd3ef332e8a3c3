"""The work that can be divided: decode some images of a source into their rows of one file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gantool.data.decoding import decode_one, quiet_decoders
from gantool.data.rendering import Rendering
from gantool.interfaces.image import ImageShape, ImageSource

if TYPE_CHECKING:
    from collections.abc import Sequence

Chunk = tuple[int, int]
"""Images from the first number up to, and without, the second."""
Skips = list[tuple[int, str]]
"""Index and reason of each image that could not be used."""

CHUNK_IMAGES = 64
CHUNK_BYTES = 8 << 20
HEADER_BYTES = 128
"""Length of every header, so that the number of rows can change without moving them."""


@dataclass(frozen=True)
class DecodingJob:
    """Decode images to the rows of a file, in any order, in any process.

    Attributes:
        source: Where the images come from; pickled for other processes.
        rendering: What is made of each image.
        rows: The file, NumPy's format: uint8 [N, H, W, C].
    """

    source: ImageSource
    rendering: Rendering
    rows: Path

    @property
    def shape(self) -> ImageShape:
        """Channels, height and width of each row."""
        return self.rendering.shape

    @property
    def row_bytes(self) -> int:
        """Bytes of one decoded image."""
        return self.shape.channels * self.shape.height * self.shape.width

    @property
    def chunk_images(self) -> int:
        """Images that one process decodes at a time."""
        return max(1, min(CHUNK_IMAGES, CHUNK_BYTES // self.row_bytes))

    def run(self, chunk: Chunk) -> Skips:
        """Decode a chunk into its rows; those of unusable images stay black.

        Raises:
            GantoolError: When the source says that something is wrong.
            OSError: When the rows cannot be written.
        """
        start, stop = chunk
        channels, height, width = self.shape
        pixels = np.zeros((stop - start, height, width, channels), np.uint8)
        skips: Skips = []
        with quiet_decoders():
            for index in range(start, stop):
                image, why = decode_one(self.source, index, self.rendering)
                if image is None:
                    skips.append((index, why))
                else:
                    pixels[index - start] = image
        with self.rows.open("r+b") as file:  # a map would count every page as this process's own
            file.seek(HEADER_BYTES + start * self.row_bytes)
            file.write(pixels.data)
        return skips


def npy_header(dtype: str, shape: Sequence[int]) -> bytes:
    """Return the header of an array in NumPy's format 1.0, always 128 bytes long."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    padded = text.ljust(HEADER_BYTES - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode("ascii")
