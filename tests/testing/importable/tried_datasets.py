"""A sound dataset and, for each of its promises, one that breaks it; without torch."""

from __future__ import annotations

import io
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

from PIL import Image
from typing_extensions import override

from gantool import Dataset

COLORS = {"dawn": (250, 180, 160), "dusk": (60, 40, 120)}


class Shelf:
    """Images below a folder, labeled by the folder they are in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.paths = sorted(root.glob("*/*.png"))
        self.classes: Any = tuple(sorted({path.parent.name for path in self.paths}))

    def __len__(self) -> int:
        return len(self.paths)

    def image(self, index: int) -> Any:
        return Image.open(self.paths[index])

    def label(self, index: int) -> Any:
        return self.classes.index(self.paths[index].parent.name)

    def name(self, index: int) -> Any:
        return str(self.paths[index].relative_to(self.root))

    def stamp(self, index: int) -> Any:
        status = self.paths[index].stat()
        return status.st_size, status.st_mtime_ns


class Sound(Dataset):
    """A folder of two classes."""

    name = "sound"
    shelf: ClassVar[Callable[[Path], Shelf]] = Shelf

    root: Path
    """The folder."""

    @override
    def open(self, cache: Path) -> Any:
        return type(self).shelf(self.root)

    @override
    @classmethod
    def example(cls, scratch: Path) -> Self:
        for number, (label, color) in enumerate([*COLORS.items()] * 3):
            place = scratch / label
            place.mkdir(exist_ok=True)
            Image.new("RGB", (8 + number, 6), color).save(place / f"{number}.png")
        return cls(root=scratch)


class CallingHome(Sound):
    """Looks on the network for a newer edition."""

    @override
    def open(self, cache: Path) -> Any:
        with socket.socket() as connection:
            connection.connect(("192.0.2.1", 80))
        return super().open(cache)


class Empty(Sound):
    """Finds nothing."""

    @override
    @classmethod
    def example(cls, scratch: Path) -> Self:
        return cls(root=scratch)


class CountsOnce(Sound):
    """Finds one image less each time it is opened."""

    @override
    def open(self, cache: Path) -> Any:
        source = super().open(cache)
        source.paths[0].unlink()
        return source.__class__(self.root)


class Decoded(Shelf):
    def image(self, index: int) -> Any:
        image = super().image(index)
        image.load()
        return image


class Converted(Shelf):
    def image(self, index: int) -> Any:
        with super().image(index) as image:
            return image.convert("RGB")


class ChangedInSeconds(Shelf):
    def changed(self, index: int) -> Any:
        return self.paths[index].stat().st_ctime


class PostScript(Shelf):
    def image(self, index: int) -> Any:
        return Image.open(io.BytesIO(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"))


class FromOne(Shelf):
    def label(self, index: int) -> Any:
        return super().label(index) + 1


class Twins(Shelf):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.classes = (*self.classes, *self.classes)


class ListOfClasses(Shelf):
    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.classes = list(self.classes)


class Namesakes(Shelf):
    def name(self, index: int) -> Any:
        return self.paths[index].parent.name


class Unnamed(Shelf):
    def name(self, index: int) -> Any:
        return self.paths[index]


class TimeInSeconds(Shelf):
    def stamp(self, index: int) -> Any:
        status = self.paths[index].stat()
        return status.st_size, status.st_mtime


class Restless(Shelf):
    """Opens another image every time."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.opened = 0

    def image(self, index: int) -> Any:
        self.opened += 1
        return super().image((index + self.opened) % len(self))


class Shuffled(Shelf):
    """Orders images anew each time it is opened."""

    openings = 0

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        Shuffled.openings += 1
        turn = Shuffled.openings % len(self.paths)
        self.paths = self.paths[turn:] + self.paths[:turn]


class Locked(Shelf):
    """Holds what cannot be pickled."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.lock = threading.Lock()


class Hoarding(Shelf):
    """Keeps what it has read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.kept: dict[int, bytes] = {}

    def image(self, index: int) -> Any:
        with super().image(index) as image:
            self.kept[index] = image.resize((64, 64)).tobytes()
        return super().image(index)


class OneHand(Shelf):
    """Keeps the index that it is asked for where all threads see it, and waits for another one."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.index = 0

    def image(self, index: int) -> Any:
        self.index = index
        if threading.current_thread() is not threading.main_thread():
            other = threading.Event()
            for _ in range(200):
                if self.index != index:
                    break
                other.wait(0.001)
        return super().image(self.index)


class AtHome(Shelf):
    """Works in the process that has opened it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.process = os.getpid()

    def image(self, index: int) -> Any:
        away = os.getpid() != self.process
        return super().image(len(self) - 1 - index if away else index)


def opening(shelf: Callable[[Path], Shelf]) -> type[Sound]:
    """Return the sound dataset with another source."""
    return type("Opening", (Sound,), {"shelf": shelf, "__module__": __name__, "__doc__": "A."})
