"""A picture that is drawn again and again in one place of a terminal."""

from __future__ import annotations

from rich.control import Control
from rich.live import Live
from typing_extensions import override


class Picture(Live):
    """Draws when told to, and leaves nothing behind where the terminal has changed its size.

    A terminal that becomes narrower breaks the lines it shows, and nobody is told into how many:
    what is shown is then wiped, and the picture is drawn at the top.
    """

    _size: tuple[int, ...] | None = None

    @override
    def refresh(self) -> None:
        """Draw anew."""
        size = tuple(self.console.size)
        if self._size not in (None, size):
            self.console.control(Control.home(), Control.clear())
        self._size = size
        super().refresh()
