"""The work that can be divided: decode some images of a source into their rows of files."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from gantool.data.decoding import DIGEST_BYTES, decode_one, quiet_decoders
from gantool.data.limits import Limits
from gantool.data.rendering import Rendering
from gantool.data.row_file import RowFile
from gantool.interfaces.dataset import ImageShape, ImageSource

Chunk = tuple[int, int]
"""Images from the first number up to, and without, the second."""
Skips = list[tuple[int, str]]
"""Index and reason of each image that could not be used."""
Starting = Callable[[int], None]
"""Is told the number of each image before anything of it is read."""

CHUNK_IMAGES = 64
CHUNK_BYTES = 8 << 20
IMAGES = "images.npy"
DIGESTS = "digests.npy"
SIZES = "sizes.npy"
SIZE = struct.Struct("<3I")
"""Width and height in pixels, and 1 where colors were converted."""


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
    """Decode images to the rows of files, in any order, in any process.

    Attributes:
        source: Where the images come from; pickled for other processes.
        rendering: What is made of each image.
        folder: Where the files of rows lie, see `files`; None to decode as a trial only.
        limits: What one file may cost.
    """

    source: ImageSource
    rendering: Rendering
    folder: Path | None
    limits: Limits = field(default_factory=Limits)

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

    def files(self, folder: Path) -> tuple[RowFile, RowFile, RowFile]:
        """Return the files of rows: pixels [N, H, W, C], digests [N, 16], sizes [N, 12]."""
        channels, height, width = self.shape
        return (
            RowFile(folder / IMAGES, (height, width, channels)),
            RowFile(folder / DIGESTS, (DIGEST_BYTES,)),
            RowFile(folder / SIZES, (SIZE.size,)),
        )

    def run(self, chunk: Chunk, starting: Starting) -> Skips:
        """Decode a chunk into its rows.

        Returns:
            What could not be used. Its rows are left as they are.

        Raises:
            GantoolError: When the source says that something is wrong.
            OSError: When the rows cannot be written.
        """
        skips: Skips = []
        files = () if self.folder is None else self.files(self.folder)
        with quiet_decoders(), ExitStack() as stack:
            writers = [stack.enter_context(file.writing()) for file in files]
            for index in range(*chunk):
                starting(index)
                with self.limits.applied() as allowance:
                    decoded = decode_one(self.source, index, self.rendering, allowance)
                if decoded.pixels is None:
                    skips.append((index, decoded.reason))
                    continue
                rows = (
                    decoded.pixels.tobytes(),
                    decoded.digest,
                    SIZE.pack(*decoded.size, decoded.converted),
                )
                for write, row in zip(writers, rows, strict=False):  # of a trial, nothing
                    write(index, row)
        return skips

    def lost(self, number: int, reason: str) -> Skips:
        """Skip an image that ended the process."""
        return [(number, reason)]
