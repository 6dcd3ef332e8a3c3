"""Datasets, the images they open, and the shape that a run gives them."""

from __future__ import annotations

from abc import abstractmethod
from typing import IO, TYPE_CHECKING, ClassVar, NamedTuple, Protocol, runtime_checkable

from gantool.errors import UsageError
from gantool.interfaces.component import Bearing, Component
from gantool.interfaces.filenames import has_pillow_heif

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike
    from pathlib import Path

    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

FORMATS = (
    *("JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "AVIF", "HEIF", "JPEG2000"),
    "TGA",  # has no signature, so comes last
)
"""Formats that are read, by Pillow's names. Not among them: what starts programs (EPS starts
Ghostscript), what hides files of any format (IPTC), and what nobody keeps pictures in."""


class ImageShape(NamedTuple):
    """Channels, height and width of every image of a run, as in a tensor's [C, H, W]."""

    channels: int
    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width} with {self.channels} channels"


class Dataset(Component):
    """A collection of images, labeled or not."""

    kind: ClassVar[str] = "dataset"
    bears_upon: ClassVar[Bearing] = "start"

    @abstractmethod
    def open(self, cache: Path) -> ImageSource:
        """Find the images and return them as a source.

        Args:
            cache: This dataset's own folder for generated or fetched files; it may not exist yet.

        Raises:
            DataError: When a folder is missing or holds no images.
        """

    def download(self, into: Path) -> None:
        """Fetch the images into a folder.

        Raises:
            UsageError: Where the dataset has no automatic download, as by default.
            MissingExtraError: When the package that downloads is not installed.
        """
        raise UsageError(
            f"dataset '{self.name}' has no automatic download",
            f"put its images into {into} by hand",
        )


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
        """Return the image as `open_image` gives it: not loaded, resized or converted.

        An image of a format of Pillow's that `open_image` does not read is left out.
        """

    def label(self, index: int) -> int | None:
        """Return the index into `classes`, or None where the image has no label."""

    def name(self, index: int) -> str:
        """Return what names the image to a person: its path below the source's folder."""

    def stamp(self, index: int) -> tuple[int, int]:
        """Return two numbers that change with the file: its size in bytes and its time or checksum.

        The images are read again when a stamp changes; whether they are others is decided by their
        content.
        """


@runtime_checkable
class TellsChanges(Protocol):
    """What a source may offer besides: when a file was changed, whatever its time says."""

    def changed(self, index: int) -> int:
        """Return a number of 64 bits that changes whenever the file is written or replaced.

        In a folder that is the time that the file system keeps for itself (`st_ctime_ns`): size and
        time of a file can be set back, this cannot.
        """


@runtime_checkable
class ListsOtherFiles(Protocol):
    """What a source may offer besides: the files beside its images that it does not read.

    `gantool data inspect` names them, and what makes images of them.
    """

    def other_files(self) -> Iterable[str]:
        """Return their paths below the source's folder, looked for when asked; none hidden."""


def open_image(file: str | PathLike[str] | IO[bytes]) -> ImageFile:
    """Open an image file by one of the formats that gantool reads, not decoding it yet.

    `PIL.Image.open` alone goes by what a file holds, whatever its name: a photo.jpg that is
    PostScript would start Ghostscript. HEIF is read where pillow-heif is installed, which is
    imported for the first such file.

    Args:
        file: Its path, or its content.

    Raises:
        OSError: When the file cannot be read or is of none of these formats.
    """
    from PIL import Image, UnidentifiedImageError

    Image.init()
    try:
        return Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN])
    except UnidentifiedImageError:
        if "HEIF" in Image.OPEN or not _offer_heif():
            raise
        return Image.open(file, formats=["HEIF"])


def _offer_heif() -> bool:
    """Let Pillow read HEIF, if there is something to read it with."""
    if not has_pillow_heif():
        return False
    from pillow_heif import register_heif_opener

    register_heif_opener()
    return True


def is_read(image: Image) -> bool:
    """Whether an opened image may be decoded: not where Pillow would read an unlisted format."""
    from PIL.ImageFile import ImageFile

    of_pillow = type(image).__module__.partition(".")[0] == "PIL"
    return image.format in (*FORMATS, "MPO") or not (of_pillow and isinstance(image, ImageFile))
