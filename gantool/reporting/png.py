"""PNG files written row by row, so that a picture of any height needs no memory."""

from __future__ import annotations

import struct
import zlib
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOR_TYPES = {1: 0, 3: 2, 4: 6}
"""Of the header (PNG specification, third edition, section 11.2.1), by channels."""
UP = 2
"""The filter that keeps differences to the row above (section 9.2)."""


class PngWriter:
    """A PNG file in the making.

    Args:
        file: Where it is written.
        height: Of the picture.
        width: Of the picture.
        channels: 1 for gray, 3 for color, 4 with transparency.
    """

    def __init__(self, file: IO[bytes], height: int, width: int, channels: int) -> None:
        import numpy as np

        self._file = file
        self._packer = zlib.compressobj()
        self._above = np.zeros((1, width * channels), np.uint8)
        file.write(SIGNATURE)
        header = struct.pack(">IIBBBBB", width, height, 8, COLOR_TYPES[channels], 0, 0, 0)
        self._chunk(b"IHDR", header)

    def add(self, rows: NDArray[np.uint8]) -> None:
        """Write some more rows, uint8 [h, width, channels].

        Raises:
            OSError: When the disk is full or failing.
        """
        import numpy as np

        flat = rows.reshape(len(rows), -1)
        filtered = flat - np.concatenate([self._above, flat[:-1]])  # modulo 256
        lines = np.insert(filtered, 0, UP, axis=1)  # [h, 1 + width * channels]
        self._above = flat[-1:].copy()
        self._data(self._packer.compress(lines.tobytes()))

    def finish(self) -> None:
        """Write the end, once all rows were added.

        Raises:
            OSError: When the disk is full or failing.
        """
        self._data(self._packer.flush())
        self._chunk(b"IEND", b"")

    def _data(self, packed: bytes) -> None:
        if packed:
            self._chunk(b"IDAT", packed)

    def _chunk(self, kind: bytes, body: bytes) -> None:
        checksum = struct.pack(">I", zlib.crc32(kind + body))
        self._file.write(struct.pack(">I", len(body)) + kind + body + checksum)
