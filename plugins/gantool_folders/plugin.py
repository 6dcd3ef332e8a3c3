"""The dataset `folder`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from typing_extensions import override

from gantool import Component, Dataset, hookimpl

if TYPE_CHECKING:
    from gantool import ImageSource


class Folder(Dataset):
    """Any folder of images, at any depth, with or without a folder for each class."""

    name = "folder"

    folder: Path
    """Where the images are; hidden files and links to folders are left out."""
    labels: Literal["auto", "folders", "none"] = "auto"
    """First-level folders as classes, or none; "auto": if every image is in one of two or more."""

    @override
    def open(self, cache: Path) -> ImageSource:
        from gantool_folders.tree import open_tree

        return open_tree(self.folder.expanduser().absolute(), self.labels)

    @override
    @classmethod
    def example(cls, scratch: Path) -> Self:
        from PIL import Image

        for number, label in enumerate(("dusk", "dawn", "dusk", "dawn")):
            place = scratch / "images" / label
            place.mkdir(parents=True, exist_ok=True)
            tint = (60 * number, 90, 255 - 60 * number)
            Image.new("RGB", (40 + 8 * number, 48), tint).save(place / f"{number}.png")
        return cls(folder=scratch / "images")


@hookimpl
def gantool_components() -> list[type[Component]]:
    """Offer the dataset."""
    return [Folder]
