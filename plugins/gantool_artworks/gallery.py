"""The images as a source that the engine reads."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

from gantool_artworks.names import printable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from PIL.Image import Image

    from gantool_artworks.layout import Part
    from gantool_artworks.store import Store


class Gallery:
    """Images of artists, in the order of their labels. Implements `gantool.ImageSource`.

    It is pickled as names and numbers, in columns: about 120 bytes an image.

    Args:
        store: Where the files lie.
        classes: The artists' names.
        works: Each artist's parts, as many as there are classes, and then those of nobody.
        others: Paths of the files that are not read.
    """

    def __init__(
        self,
        store: Store,
        classes: Iterable[str],
        works: Iterable[Iterable[Part]],
        others: Iterable[str] = (),
    ) -> None:
        self._others = list(others)
        self.classes = tuple(classes)
        self._store = store
        self._folders: list[str] = []
        self._names: list[str] = []
        self._folder_of, self._labels = array("L"), array("L")
        self._sizes, self._marks, self._changes = array("Q"), array("q"), array("q")
        for label, parts in enumerate(works):
            for part in parts:
                self._add(label, part)

    def _add(self, label: int, part: Part) -> None:
        count = len(part.files)
        self._folder_of.extend([len(self._folders)] * count)
        self._labels.extend([label] * count)
        self._folders.append(part.path)
        for name, size, mark, change in part.files:
            self._names.append(name)
            self._sizes.append(size)
            self._marks.append(mark)
            self._changes.append(change)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._names)

    def image(self, index: int) -> Image:
        """Open an image, not decoding it yet.

        Raises:
            OSError: When the file cannot be read or is no image.
        """
        return self._store.image(self._path(index))

    def label(self, index: int) -> int | None:
        """Return the artist's place in `classes`, or None where the artist is unknown."""
        label = self._labels[index]
        return label if label < len(self.classes) else None

    def name(self, index: int) -> str:
        """Return the path below the folder, or inside the zip file."""
        return printable(self._path(index))

    def stamp(self, index: int) -> tuple[int, int]:
        """Return the size in bytes, and the time in nanoseconds or, in a zip file, the CRC-32."""
        return self._sizes[index], self._marks[index]

    def changed(self, index: int) -> int:
        """Return the file system's time of the last change in nanoseconds; 0 in a zip file."""
        return self._changes[index]

    def other_files(self) -> list[str]:
        """Return the files beside the images that are not read, sorted."""
        return sorted(map(printable, self._others))

    def __getstate__(self) -> dict[str, object]:
        """Leave out what decoding processes have no use for."""
        return {**self.__dict__, "_others": []}

    def _path(self, index: int) -> str:
        folder = self._folders[self._folder_of[index]]
        return f"{folder}/{self._names[index]}" if folder else self._names[index]


def without_duplicates(store: Store, parts: list[Part]) -> list[Part]:
    """Drop what an artist's other folders hold already, comparing contents.

    The Kaggle set has one artist twice, under two manglings of one name. So contents are compared
    only where one artist's name is spelled in several ways, and only among files of equal size: a
    folder in good order is listed without any file being opened.
    """
    if len({part.artist for part in parts}) < 2:
        return parts
    sizes = Counter(size for part in parts for _, size, *_ in part.files)
    seen: set[tuple[int, Hashable]] = set()
    kept = []
    for part in parts:
        files = []
        for file in part.files:
            name, size, mark, _ = file
            if sizes[size] > 1:
                path = f"{part.path}/{name}" if part.path else name
                content = size, store.fingerprint(path, mark)
                if content in seen:
                    continue
                seen.add(content)
            files.append(file)
        kept.append(part._replace(files=files))
    return kept
