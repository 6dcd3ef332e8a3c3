"""Color profiles, written byte by byte after ICC.1:2022; see its sections 7.2, 7.3 and 10."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from itertools import product

D50 = (0.9642, 1.0, 0.8249)
ADOBE_GAMMA = 563 / 256
ADOBE_COLORANTS = {  # the primaries of Adobe RGB (1998), adapted to D50 by Bradford's matrix
    b"rXYZ": (0.60974, 0.31111, 0.01947),
    b"gXYZ": (0.20528, 0.62567, 0.06087),
    b"bXYZ": (0.14919, 0.06322, 0.74457),
}


def profile(
    space: bytes, tags: Mapping[bytes, bytes], *, kind: bytes = b"mntr", connection: bytes = b"XYZ "
) -> bytes:
    """Return a profile of version 2.4."""
    body, table = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"", 0x02400000, kind, space, connection)
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", *(round(x * 65536) for x in D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def text(words: str) -> bytes:
    """Return a `desc` tag."""
    said = words.encode("ascii") + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(said)) + said + bytes(78)


def xyz(values: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def gamma(exponent: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(exponent * 256)) + bytes(2)


def adobe_rgb(name: str = "Compatible with Adobe RGB (1998)") -> bytes:
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma(ADOBE_GAMMA))
    colorants = {tag: xyz(values) for tag, values in ADOBE_COLORANTS.items()}
    return profile(b"RGB ", {b"desc": text(name), b"wtpt": xyz(D50), **colorants, **curves})


def gray(exponent: float) -> bytes:
    tags = {b"desc": text("a gray"), b"wtpt": xyz(D50), b"kTRC": gamma(exponent)}
    return profile(b"GRAY", tags)


def press(lab: Callable[[Sequence[int]], tuple[float, float, float]]) -> bytes:
    """Return a press's profile.

    Args:
        lab: The color, in CIELAB, of four inks that are each printed (1) or not (0).
    """
    nodes = b"".join(_encoded(lab(inks)) for inks in product((0, 1), repeat=4))
    identity = bytes(range(256))
    unity = struct.pack(">9i", *(65536 if at % 4 == 0 else 0 for at in range(9)))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + unity + identity * 4 + nodes + identity * 3
    tags = {b"desc": text("a press"), b"wtpt": xyz(D50), b"A2B0": table}
    return profile(b"CMYK", tags, kind=b"prtr", connection=b"Lab ")


def _encoded(color: tuple[float, float, float]) -> bytes:
    """Return a color as a table of 8 bits holds it (section 6.3.4.2)."""
    light, a, b = color
    return bytes((round(light * 2.55), round(a + 128), round(b + 128)))
