"""Generated pictures beside the training images nearest to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.reporting.page.images import embed

if TYPE_CHECKING:
    from gantool.data.pixels import Pixels
    from gantool.evaluation.failing import Copies
    from gantool.evaluation.neighbors import Neighborhood
    from gantool.reporting.page.images import EmbeddedImage

MOST_ROWS = 12
BUDGET_BYTES = 400_000
SHOWN_PIXELS = 96


@dataclass(frozen=True)
class NeighborRow:
    """A generated picture.

    Attributes:
        generated: The picture.
        nearest: Training images, the nearest first.
        ratio: How near that one is, in units of what is usual among real images.
    """

    generated: EmbeddedImage
    nearest: tuple[EmbeddedImage, ...]
    ratio: float


@dataclass(frozen=True)
class Neighbors:
    """What the page shows of the nearest neighbors.

    Attributes:
        space: Where they were looked for: an extractor's name, or "pixels".
        rows: Generated pictures, those that are nearest to a training image, the nearest first.
        copies: How many of all that were drawn are copies.
    """

    space: str
    rows: tuple[NeighborRow, ...]
    copies: Copies


def show_neighbors(found: Neighborhood, training: Pixels) -> Neighbors:
    """Return what the page shows of a neighborhood among the training images."""
    order = found.ratio.argsort()[:MOST_ROWS]
    pictures = []
    for index in order.tolist():
        pictures.append(found.images[index].numpy())
        pictures += list(training[found.nearest[index]].numpy())
    embedded = embed(pictures, budget_bytes=BUDGET_BYTES, shown_pixels=SHOWN_PIXELS)
    width = 1 + found.nearest.shape[1]
    starts = range(0, len(embedded), width)
    rows = (
        NeighborRow(embedded[start], tuple(embedded[start + 1 : start + width]), ratio)
        for start, ratio in zip(starts, found.ratio[order].tolist(), strict=True)
    )
    return Neighbors(found.space, tuple(rows), found.copies)
