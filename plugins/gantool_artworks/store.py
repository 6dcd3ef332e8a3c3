"""Where files lie: what a folder and a zip file have in common."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image

File = tuple[str, int, int, int]
"""Name, size in bytes, a mark that changes with the content (a time or a checksum), and the file
system's own time of the last change, or 0 where the mark is a checksum."""

ARTISTS = "artists.csv"
LARGEST_TABLE = 10_000_000
"""Bytes of `artists.csv` beyond which it is not what it seems; the real one has 40 thousand."""

INNER_LEVELS = frozenset({"images", "resized"})
"""Names of the folders, twice nested in the Kaggle set, that hold the artists."""


class Folder(NamedTuple):
    """The images that lie directly in one folder."""

    path: str
    """Below the root, "/" between levels; empty for the root itself."""
    files: list[File]
    """Sorted by name."""


class Store(Protocol):
    """A folder or a zip file, pickled as its path."""

    path: Path

    @property
    def levels(self) -> tuple[str, ...]:
        """The inner levels of the Kaggle set that the root itself stands in, outermost first."""

    def listing(self) -> tuple[list[Folder], list[str]]:
        """Return the folders that hold images, sorted, and the paths of files that are not read.

        Raises:
            DataError: When something cannot be read.
        """

    def artists_file(self) -> bytes | None:
        """Return the content of `artists.csv`, or None where there is none."""

    def image(self, name: str) -> Image:
        """Open an image, not decoding it yet.

        Raises:
            OSError: When it cannot be read or is no image.
        """

    def fingerprint(self, name: str, mark: int) -> Hashable:
        """Return what two files of one size share exactly if their contents are equal."""
