"""Prepared images: decoded once, in one file that is mapped into memory."""

from __future__ import annotations

import json
import logging
import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload
from zlib import crc32

import numpy as np

from gantool.data.prepare.decoding import DIGEST_BYTES, Skipped
from gantool.data.prepare.fingerprint import Listing
from gantool.files.disk import write_durably
from gantool.files.plain import holds_plain_files
from gantool.interfaces.dataset import ImageShape

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMAGES = "images.npy"
DIGESTS = "digests.npy"
SIZES = "sizes.npy"
SIZE = struct.Struct("<3I")
"""Width and height in pixels, and 1 where colors were converted."""
LABELS = "labels.npy"
NAMES = "names.npy"
NAME_ENDS = "name_ends.npy"
ARRAYS = (IMAGES, DIGESTS, SIZES, LABELS, NAMES, NAME_ENDS)
MANIFEST = "manifest.json"
UNLABELED = -1
HEADER_BYTES = 128
"""Length of every header, so that the number of rows can change without moving them."""
BLOCK_BYTES = 1 << 22
LARGEST_COUNT = 2**48

logger = logging.getLogger("gantool.data")
FAR = 1.5
"""Stretch, in either direction, beyond which a picture is far from the shape's proportions."""
MOST = 0.5
"""Share of such pictures beyond which squashing them deserves a warning."""


class Names(Sequence[str]):
    """The names of all images, read from a memory map of lines of UTF-8 on demand.

    A name ends before its line break, int64 [N], and may hold line breaks of its own.
    """

    def __init__(self, text: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self._text = text
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        start = self._ends[index - 1] + 1 if index else 0
        return self._text[start : self._ends[index]].tobytes().decode("utf-8", "surrogatepass")


@dataclass(frozen=True, eq=False)
class PreparedImages:
    """The usable images of a dataset at one shape, in the order of their source.

    Attributes:
        images: uint8 [N, H, W, C], mapped into memory and read-only.
        digests: uint8 [N, 16], of the images' files as they were decoded; read-only.
        sizes: uint32 [N, 2], width and height of the upright pictures before they were fitted.
        labels: int64 [N], index into `classes`, or -1 without a label; read-only.
        names: Paths below the dataset's folder.
        fingerprint: Changes with names, labels and contents of the files, and their rendering.
        earlier: Their fingerprint in checkpoints from before contents counted.
    """

    images: NDArray[np.uint8]
    digests: NDArray[np.uint8]
    sizes: NDArray[np.uint32]
    labels: NDArray[np.int64]
    names: Sequence[str]
    classes: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    fingerprint: str
    shape: ImageShape
    folder: Path
    earlier: str = ""

    def __len__(self) -> int:
        return len(self.images)

    def are(self, mark: object) -> bool:
        """Whether they are the images of a fingerprint, also one from before contents counted."""
        return bool(mark) and mark in (self.fingerprint, self.earlier)


@dataclass(frozen=True)
class Manifest:
    """The file that is written last into a folder of prepared images, which is whole if it fits.

    It holds the number of images, the length of all names, and the CRC-32 of each other file.
    """

    listing: Listing
    fingerprint: str
    shape: ImageShape
    classes: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    images: int
    name_bytes: int
    checksums: dict[str, int]

    def write(self, folder: Path) -> None:
        """Write it into a folder whose other files are complete."""
        write_durably(folder / MANIFEST, json.dumps(self.__dict__, indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read it."""
        text = (folder / MANIFEST).read_text(encoding="ascii")
        document: dict[str, Any] = json.loads(text)
        return cls(
            listing=Listing(*map(_text, document["listing"])),
            fingerprint=_text(document["fingerprint"]),
            shape=ImageShape(*map(_count, document["shape"])),
            classes=tuple(map(_text, document["classes"])),
            skipped=tuple(
                Skipped(_text(name), _text(reason), _count(number))
                for name, reason, number in document["skipped"]
            ),
            images=_count(document["images"]),
            name_bytes=_count(document["name_bytes"]),
            checksums={name: _count(document["checksums"][name]) for name in ARRAYS},
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= LARGEST_COUNT:
        raise ValueError(value)
    return value


def manifest_of(folder: Path) -> Manifest | None:
    """Return the manifest of a folder; None where it has none that can be read."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        return Manifest.read(folder) if holds_plain_files(folder) else None
    return None


def open_prepared(folder: Path, mark: str) -> PreparedImages | None:
    """Map prepared images into memory, once every byte of them has been checked.

    They are those of a listing's mark, or of a fingerprint; None when they are missing, damaged
    (with a warning), or of other files.
    """
    manifest = manifest_of(folder)
    if manifest is None or mark not in (manifest.fingerprint, *manifest.listing):
        return None
    with suppress(OSError, ValueError):
        images = _mapped(folder, manifest)
        if checksums(folder) == manifest.checksums:
            with suppress(OSError):  # a cache that is only readable serves as well
                os.utime(folder / MANIFEST)  # whose time is that of the last use
            return images
        logger.warning("the prepared images in %s are damaged and cannot be used", folder)
    return None


def checksums(folder: Path) -> dict[str, int]:
    """Return the CRC-32 of each array: a flipped bit would train in silence."""
    return {name: _checksum(folder / name) for name in ARRAYS}


def _checksum(path: Path) -> int:
    value, block = 0, bytearray(BLOCK_BYTES)
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(block):
            value = crc32(memoryview(block)[:size], value)
    return value


def _mapped(folder: Path, manifest: Manifest) -> PreparedImages:
    count, (channels, height, width) = manifest.images, manifest.shape
    text = _array(folder / NAMES, "|u1", (manifest.name_bytes,))
    ends = _array(folder / NAME_ENDS, "<i8", (count,))
    return PreparedImages(
        images=_array(folder / IMAGES, "|u1", (count, height, width, channels)),
        digests=_array(folder / DIGESTS, "|u1", (count, DIGEST_BYTES)),
        sizes=_array(folder / SIZES, "|u1", (count, SIZE.size)).view("<u4")[:, :2],
        labels=_array(folder / LABELS, "<i8", (count,)),
        names=Names(text, ends),
        classes=manifest.classes,
        skipped=manifest.skipped,
        fingerprint=manifest.fingerprint,
        shape=manifest.shape,
        folder=folder,
        earlier=manifest.listing.earlier,
    )


def _array(path: Path, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Map a file that must hold exactly this array."""
    array = np.memmap(path, dtype, "r", HEADER_BYTES, shape)
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if header != npy_header(dtype, shape) or path.stat().st_size != HEADER_BYTES + array.nbytes:
        raise ValueError(f"{path} is damaged")
    return array


def npy_header(dtype: str, shape: Sequence[int]) -> bytes:
    """Return the header of an array in NumPy's format 1.0, always 128 bytes long."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    padded = text.ljust(HEADER_BYTES - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode("ascii")


def far_share(sizes: NDArray[np.integer], shape: ImageShape) -> float:
    """Return the share of pictures whose proportions are far from a shape's, in [0, 1]."""
    known = sizes[(sizes > 0).all(1)].astype(np.float64)
    if not len(known):
        return 0.0
    stretch = known[:, 0] / known[:, 1] * shape.height / shape.width
    return float((np.maximum(stretch, 1 / stretch) > FAR).mean())


def squashed(sizes: NDArray[np.integer], shape: ImageShape, fit: str) -> str | None:
    """Return a warning where most pictures lose their proportions, else None; see `far_share`."""
    share = far_share(sizes, shape)
    if fit != "stretch" or share <= MOST:
        return None
    return (
        f"{share:.0%} of the pictures are more than {FAR} times as wide or as high as "
        f'{shape.height}x{shape.width} asks for, and image.fit = "stretch" squashes them; '
        '--set image.fit=crop cuts them around the center, "pad" keeps them whole'
    )
