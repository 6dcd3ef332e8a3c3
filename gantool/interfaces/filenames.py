"""File names and their promises: images that are read, and others, with what to do about them."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SUFFIXES = frozenset(
    {"apng", "avif", "bmp", "gif", "j2k", "jfif", "jp2", "jpe", "jpeg", "jpg", "mpo", "pbm", "pgm"}
    | {"png", "pnm", "ppm", "tga", "tif", "tiff", "webp"}
)
"""Endings of the names of images that are read everywhere."""
HEIF_SUFFIXES = frozenset({"heic", "heif", "hif"})
"""Endings of those that need pillow-heif, which phones write."""
HEIF_WAY_OUT = "pip install 'gantool[heic]' and they are read"
EXPORT = "export them as PNG or JPEG"
WAYS_OUT = {
    suffix: way_out
    for suffixes, way_out in (
        (" ".join(HEIF_SUFFIXES), HEIF_WAY_OUT),
        ("ai cdr dds emf eps exr hdr icns ico jxl jxr kra pcx psb psd sgi svg wmf xcf", EXPORT),
        ("djvu doc docx epub pdf ppt pptx ps", "extract their images"),
        ("arw cr2 cr3 dng nef orf pef raf raw rw2 srw", "develop them to JPEG"),
        ("avi m4v mkv mov mp4 mpeg mpg webm wmv", "extract their frames"),
        ("7z gz rar tar tgz xz zip zst", "unpack them"),
    )
    for suffix in suffixes.split()
}
WAYS_OUT[""] = "name them after their format, as in photo.jpg"
"""What makes images of files that may hold some, by ending."""
MOST_KINDS = 8


def is_image_name(name: str) -> bool:
    """Whether a file's name ends like an image's that `open_image` reads, and is not hidden.

    Names like photo.heic count where pillow-heif is installed.
    """
    stem, _, suffix = name.rpartition(".")
    if not stem or stem[0] == ".":
        return False
    suffix = suffix.lower()
    return suffix in SUFFIXES or (suffix in HEIF_SUFFIXES and has_pillow_heif())


@lru_cache(maxsize=1)
def has_pillow_heif() -> bool:
    """Whether the package that reads HEIF is installed; it is not imported."""
    return find_spec("pillow_heif") is not None


class OtherFiles:
    """The files beside a dataset's images that are not read, counted by ending.

    Args:
        names: Their names, or paths; hidden ones do not count.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._counts: Counter[str] = Counter()
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Count one file."""
        if not name.rpartition("/")[2].startswith("."):
            self._counts[suffix_of(name)] += 1

    def pictures(self) -> str:
        """Return those that may hold images, and the ways out, in one line; empty for none."""
        return _listed(self._counts, [kind for kind in self._counts if kind in WAYS_OUT])

    def __str__(self) -> str:
        """All of them in one line, those that may hold images first; empty for none."""
        return _listed(self._counts, list(self._counts))


def suffix_of(name: str) -> str:
    """Return the ending of a file's name in lower case, without its dot; empty for none."""
    stem, dot, suffix = name.rpartition("/")[2].rpartition(".")
    return suffix.lower() if stem and dot else ""


def kind_of(name: str) -> str:
    """Return what a file is called that is not read: ".psd file", "file without ending"."""
    suffix = suffix_of(name)
    return f".{suffix} file" if suffix else "file without ending"


def way_out(name: str) -> str:
    """Return what makes an image of a file that is not read; of a text, nothing does."""
    return WAYS_OUT.get(suffix_of(name), "not read as an image")


def _listed(counts: Counter[str], kinds: list[str]) -> str:
    kinds.sort(key=lambda kind: (kind not in WAYS_OUT, -counts[kind], kind))
    said = [
        f"{counts[kind]:,} {f'.{kind}' if kind else 'without ending'}"
        + (f" ({WAYS_OUT[kind]})" if kind in WAYS_OUT else "")
        for kind in kinds[:MOST_KINDS]
    ]
    more = sum(counts[kind] for kind in kinds[MOST_KINDS:])
    return ", ".join([*said, *([f"{more:,} others"] if more else [])])
