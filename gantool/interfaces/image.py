"""The shape of an image, and where images come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image


class ImageShape(NamedTuple):
    """Channels, height and width of every image of a run, as in a tensor's [C, H, W]."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width} with {self.channels} channels"


class ImageSource(Protocol):
    """An indexed collection of images, opened and not yet decoded.

    The engine resizes, converts and caches; a source only finds and opens. It is pickled into
    other processes, so it holds paths and options and reopens what it needs.
    """

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their labels; empty where there are none."""

    def __len__(self) -> int:
        """Number of images."""

    def image(self, index: int) -> Image:
        """Return the image as `PIL.Image.open` gives it: not loaded, resized or converted."""

    def label(self, index: int) -> int | None:
        """Return the index into `classes`, or None where the image has no label."""

    def name(self, index: int) -> str:
        """Return what names the image to a person: its path below the source's folder."""

    def stamp(self, index: int) -> tuple[int, int]:
        """Return two numbers that change with the file: its size in bytes and its time or checksum.

        Prepared images are made again when a stamp changes.
        """
