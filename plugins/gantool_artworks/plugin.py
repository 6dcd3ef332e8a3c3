"""The dataset `artworks`."""

from __future__ import annotations

import logging
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator
from typing_extensions import override

from gantool import Component, DataError, Dataset, hookimpl

if TYPE_CHECKING:
    from gantool import ImageSource

logger = logging.getLogger("gantool.artworks")


class Artworks(Dataset):
    """Best Artworks of All Time: paintings labeled by artist, or a generated sample of such.

    The set is ikarus777/best-artworks-of-all-time on Kaggle. It is read as people have it: the
    unpacked folder or any level inside it, full-size or resized images, or the zip file as
    downloaded. Any other folder of pictures is read as well, whatever they are called: without
    labels, or labeled by the folders in it where there are several.
    """

    name = "artworks"

    source: Literal["auto", "folder", "sample"] = "auto"
    """The user's folder, the generated sample, or "auto": the folder if there is one."""
    folder: Path | None = None
    """Folder or zip file; by default $GANTOOL_ARTWORKS, data/best-artworks, data/artworks."""
    variant: Literal["auto", "full", "resized"] = "auto"
    """Which images, where there are both; "auto" takes the full-size ones."""
    artists: tuple[str, ...] = ()
    """Artists to keep, by name; empty keeps all."""
    genres: tuple[str, ...] = ()
    """Genres to keep, as in artists.csv; empty keeps all."""

    @model_validator(mode="after")
    def _folder_is_used(self) -> Self:
        if self.source == "sample" and self.folder is not None:
            msg = (
                """source = "sample" would leave the folder unread; remove one of the two, """
                f"or add --set dataset.use=folder to --set dataset.folder={quote(str(self.folder))}"
            )
            raise ValueError(msg)
        return self

    @override
    def open(self, cache: Path) -> ImageSource:
        from gantool_artworks.opening import open_gallery

        path = self._own_folder() or self._sample(cache)
        return open_gallery(path, self.variant, self.artists, self.genres)

    @override
    def download(self, into: Path) -> None:
        from gantool_artworks.downloading import download_artworks

        download_artworks(into)

    @override
    @classmethod
    def example(cls, scratch: Path) -> Self:
        from gantool_artworks.sample.writing import write_sample

        write_sample(scratch / "artworks", most=2)
        return cls(source="folder", folder=scratch / "artworks")

    def _own_folder(self) -> Path | None:
        """Return the user's folder, or None where the sample is to be used."""
        from gantool_artworks.location import NAME_IT, PLACES, locate

        path = None if self.source == "sample" else locate(self.folder)
        if path is None and self.source == "folder":
            raise DataError(
                f"no artworks found; looked for {PLACES}",
                f"""{NAME_IT}; `gantool data download {self.name}` fetches the set; """
                """or source = "sample\"""",
            )
        return path

    def _sample(self, cache: Path) -> Path:
        """Return the folder of the sample, and say that it is one."""
        from gantool_artworks.sample.roster import ROSTER, SIZE
        from gantool_artworks.sample.writing import ensure_sample, sample_folder

        once = "" if sample_folder(cache).is_dir() else " (drawing them, once: about 10 seconds)"
        choice = """, and source = "auto\"""" if self.source == "sample" else ""
        logger.warning(
            "using the SAMPLE: %d pictures generated in the manner of %d invented artists%s. "
            "For your own pictures: --set dataset.folder=PATH; for real paintings: gantool data "
            "download %s%s",
            *(SIZE, len(ROSTER), once, self.name, choice),
        )
        try:
            return ensure_sample(cache)
        except OSError as error:
            raise DataError(f"cannot write the sample into {cache}: {error}") from error


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the dataset."""
    return [Artworks]
