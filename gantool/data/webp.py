"""The size of a WebP image before Pillow opens it, which sets memory aside for all its pixels."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from gantool.data import limits

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

HEAD = 30
BYTES_PER_PIXEL = 8
"""What opening takes: two canvases of its decoder of animations."""


def open_within_limits(file: IO[bytes], name: str | bytes | None = None) -> ImageFile:
    """Open a WebP image, in place of Pillow's own `WebPImageFile`.

    Raises:
        TooCostlyError: When its header asks for more memory than its file may.
    """
    from PIL.WebPImagePlugin import WebPImageFile

    if (allowance := limits.current()) is not None:
        start = file.tell()
        width, height = stated_size(file.read(HEAD))
        pixels, size = width * height, file.seek(0, os.SEEK_END)
        file.seek(start)
        allowance.widen(pixels, size, least=BYTES_PER_PIXEL * pixels)
    return WebPImageFile(file, name)


def stated_size(head: bytes) -> tuple[int, int]:
    """Return width and height as the first 30 bytes of a file say, or zeros.

    See https://developers.google.com/speed/webp/docs/riff_container and RFC 6386, section 9.1.
    """
    kind = head[12:16]
    if kind == b"VP8X":  # 24 bits each, one less
        return 1 + _number(head[24:27]), 1 + _number(head[27:30])
    if kind == b"VP8L":  # 14 bits each, one less, after a byte of signature
        bits = _number(head[21:25])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":  # 14 bits each, then two of scale
        return _number(head[26:28]) & 0x3FFF, _number(head[28:30]) & 0x3FFF
    return 0, 0


def _number(text: bytes) -> int:
    return int.from_bytes(text, "little")
