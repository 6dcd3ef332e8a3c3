"""What files tell besides their pixels, read in processes of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gantool.data.decoding import opened, quiet_decoders
from gantool.data.limits import Limits
from gantool.data.remarks import remarks, upright_size
from gantool.interfaces.image import ImageShape, ImageSource

if TYPE_CHECKING:
    from gantool.data.job import Chunk, Starting

NOT_LOOKED_AT = "not looked at"
"""Kind of what is said of an image that ended the process which looked at it."""


@dataclass(frozen=True)
class LookingJob:
    """Open images once more for their size and what is remarkable about them.

    Attributes:
        source: Where the images come from; pickled for other processes.
        chosen: Numbers of the images that can be decoded; chunks count places in it.
        shape: Channels, height and width that they are prepared at.
        limits: What one file may cost.
    """

    source: ImageSource
    chosen: Sequence[int]
    shape: ImageShape
    limits: Limits = Limits()

    def run(self, chunk: Chunk, starting: Starting) -> list[Any]:
        """Return place, width, height and remarks of each image."""
        said: list[Any] = []
        with quiet_decoders():
            for place in range(*chunk):
                starting(place)
                with self.limits.applied(), opened(self.source, self.chosen[place]) as image:
                    noticed = list(remarks(image, self.shape))  # the size may load the image
                    said.append((place, *upright_size(image), noticed))
        return said

    def lost(self, number: int, reason: str) -> list[Any]:
        """Return the same of an image that ended the process."""
        return [(number, 0, 0, [(NOT_LOOKED_AT, reason)])]
