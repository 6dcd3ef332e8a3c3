"""A dataset for tests, in a module of its own so that decoding processes can import it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from PIL import Image

from gantool import DataError, Dataset

OPENED = "TREE_OPENED"
"""Environment variable: a file to which the name of every opened image is added."""


class Tree:
    """Images below a folder; the first folder of a path is the class."""

    def __init__(
        self, root: Path, *, labeled: bool = True, greeting: str = "", eager: bool = False
    ) -> None:
        self.root = root
        self.eager = eager
        self.labeled = labeled
        self.names = sorted(
            os.path.relpath(os.path.join(folder, file), root)
            for folder, _, files in os.walk(root)
            for file in files
        )
        self.folders = sorted({n.split("/")[0] for n in self.names if "/" in n})
        self.classes = tuple(greeting + folder for folder in self.folders)

    def __len__(self) -> int:
        return len(self.names)

    def image(self, index: int) -> Image.Image:
        name = self.names[index]
        if log := os.environ.get(OPENED):
            with open(log, "a", encoding="utf-8") as file:
                file.write(f"{os.getpid()} {name!r}\n")
        if name.startswith("loud"):
            os.write(1, b"noise\n")
        self._crash(name)
        if name.startswith("gone"):
            raise DataError("the archive is gone")
        if name.startswith("locked") and (self.root.parent / "locked").exists():
            raise PermissionError(13, "Permission denied")
        image = Image.open(self.root / name)
        return image.convert("RGB") if self.eager else image

    def _crash(self, name: str) -> None:
        """End the process where a file's name asks for it."""
        if "exit" in name:
            os._exit(11)
        if "segfault" in name:
            ctypes.string_at(0)
        if name.startswith("once"):
            mark = self.root.parent / "opened once"
            if mark.exists():
                os._exit(11)
            mark.touch()

    def label(self, index: int) -> int | None:
        name = self.names[index]
        return self.folders.index(name.split("/")[0]) if self.labeled and "/" in name else None

    def name(self, index: int) -> str:
        return self.names[index]

    def stamp(self, index: int) -> tuple[int, int]:
        status = (self.root / self.names[index]).stat()
        return status.st_size, status.st_mtime_ns


class TreeDataset(Dataset):
    """A tree of images."""

    name = "tree"
    root: Path
    """The folder."""
    labeled: bool = True
    """Whether the images have labels."""
    greeting: str = ""
    """What the names of the classes begin with."""
    eager: bool = False
    """Whether images are decoded as soon as they are opened, against the contract."""

    def open(self, cache: Path) -> Tree:
        return Tree(self.root, labeled=self.labeled, greeting=self.greeting, eager=self.eager)
