"""Datasets: the source of a run's images."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from gantool.errors import UsageError
from gantool.interfaces.component import Component

if TYPE_CHECKING:
    from pathlib import Path

    from gantool.interfaces.image import ImageSource


class Dataset(Component):
    """A collection of images, labeled or not."""

    kind: ClassVar[str] = "dataset"

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
