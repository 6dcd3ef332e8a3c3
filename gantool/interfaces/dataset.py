"""Datasets, the images they open, the files they pass over, and the shape that a run gives all."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from functools import lru_cache
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, ClassVar, NamedTuple, Protocol, runtime_checkable

from gantool.errors import UsageError
from gantool.interfaces.component import Bearing, Component

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
