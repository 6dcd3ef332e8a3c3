"""What files tell besides their pixels, read in processes of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gantool.data.decoding import opened, quiet_decoders
from gantool.data.limits import Limits
from gantool.data.remarks import profile_name, remarks
from gantool.data.rendering import Rendering
from gantool.interfaces.image import ImageSource

if TYPE_CHECKING:
    from gantool.data.job import Chunk, Starting

NOT_LOOKED_AT = "not looked at"
"""Kind of what is said of an image that ended the process which looked at it."""


@dataclass(frozen=True)
class LookingJob:
    """Open images once more for what is remarkable about them.

    Attributes:
        source: Where the images come from; pickled for other processes.
        chosen: Numbers of the images that can be decoded; chunks count places in it.
        rendering: What they are prepared as.
        limits: What one file may cost.
    """

    source: ImageSource
    chosen: Sequence[int]
    rendering: Rendering
    limits: Limits = field(default_factory=Limits)

    def run(self, chunk: Chunk, starting: Starting) -> list[Any]:
        """Return place, name of the color profile and remarks of each image with any of these."""
        said: list[Any] = []
        with quiet_decoders():
            for place in range(*chunk):
                starting(place)
                with self.limits.applied(), opened(self.source, self.chosen[place]) as image:
                    profile, noticed = profile_name(image), list(remarks(image, self.rendering))
                if profile is not None or noticed:
                    said.append((place, profile, noticed))
        return said

    def lost(self, number: int, reason: str) -> list[Any]:
        """Return the same of an image that ended the process."""
        return [(number, None, [(NOT_LOOKED_AT, reason)])]
