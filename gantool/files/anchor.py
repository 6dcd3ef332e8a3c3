"""A folder that is watched: it may be renamed or deleted, and another may take its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

GONE = " (deleted)"
"""What Linux adds to the name of what is not there any more."""


class Anchor:
    """Remembers a folder itself, not its name, until the context ends.

    Args:
        folder: Where it is now.

    Raises:
        OSError: When it cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Held open, so that its number cannot go to another; Windows keeps open folders in place.
        self._descriptor = None if os.name == "nt" else os.open(folder, os.O_RDONLY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def has_moved(self) -> bool:
        """Whether something else, or nothing, is in its place; no while nothing can be seen."""
        if self._descriptor is None:
            return False
        try:
            here = self._folder.stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return not os.path.samestat(here, os.fstat(self._descriptor))

    def place(self) -> Path | None:
        """Return where it is now, if it is anywhere and the system tells."""
        try:
            place = os.readlink(f"/proc/self/fd/{self._descriptor}")
        except OSError:
            return None
        return None if place.endswith(GONE) else Path(place)
