"""Image files of few bytes that take much memory or time to decode."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def black_png(width: int, height: int, depth: int = 8) -> bytes:
    """Return a gray PNG of few bytes and many pixels."""
    packer = zlib.compressobj(1)
    rows = [packer.compress(bytes(1 + width * depth // 8)) for _ in range(height)]
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    data = chunk(b"IDAT", b"".join(rows) + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


def black(kind: str, side: int, mode: str = "L", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (side, side)).save(file, kind, **options)
    return file.getvalue()


def wide_gif() -> bytes:
    """Return a GIF whose screen has one pixel, and its frame many."""
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 65_000, 1_300, 0) + b"\x02\x02\x44\x01\x00"
    screen = struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    return b"GIF89a" + screen + frame + b";"


def empty_frames() -> bytes:
    """Return a GIF of one pixel and a hundred thousand frames without any."""
    empty = b"\x2c" + struct.pack("<HHHHB", 0, 0, 0, 0, 0) + b"\x02\x00"
    return b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + empty * 100_000 + b";"


def many_scans(side: int, repeated: int) -> bytes:
    """Return a progressive JPEG whose last scan comes again and again."""
    data = black("JPEG", side, progressive=True)
    table = data.rfind(b"\xff\xc4", 0, data.rfind(b"\xff\xda"))
    return data[:-2] + data[table:-2] * repeated + data[-2:]
