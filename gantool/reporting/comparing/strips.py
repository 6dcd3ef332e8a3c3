"""The same latents in several runs after the same epochs, cut out of their sample grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.reporting.figures import format_epoch
from gantool.reporting.grids import near_square
from gantool.reporting.page.images import embed, pick_evenly, read_picture, unmagnified
from gantool.runs.history import grid_images, tile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from gantool.evaluation.comparison.groups import Group
    from gantool.evaluation.comparison.recorded import RecordedRun
    from gantool.reporting.page.images import EmbeddedImage

SIDE = 3
"""Images in a row, and in a column, of what is cut out: more could not be told apart on a phone."""
MOST_MOMENTS = 6
SHOWN_PIXELS = 330
GAP_LEVEL = 32
"""Dark gray, as between the images of a grid."""


@dataclass(frozen=True)
class Strip:
    """What the runs had made of the same latents at one moment.

    Attributes:
        label: The moment, as in "epoch 10".
        pictures: Of each run; None where its grid cannot be read.
    """

    label: str
    pictures: tuple[EmbeddedImage | None, ...]


def strips_of(groups: Sequence[Group]) -> list[Strip]:
    """Return what the first run of each group had drawn, at moments that all of them share."""
    runs = [group.first for group in groups]
    grids = [dict(_grids(run)) for run in runs]
    shared = [label for label in grids[0] if all(label in each for each in grids)]
    moments = pick_evenly(shared, MOST_MOMENTS)
    cut = [
        [_cut(run, each[label]) for run, each in zip(runs, grids, strict=True)] for label in moments
    ]
    known = [picture for row in cut for picture in row if picture is not None]
    pictures = iter(embed(known, shown_pixels=SHOWN_PIXELS))
    return [
        Strip(label, tuple(None if picture is None else next(pictures) for picture in row))
        for label, row in zip(moments, cut, strict=True)
    ]


def same_latents(groups: Sequence[Group]) -> bool:
    """Return whether the runs drew from the same latents: by seed, and numbers in a latent."""
    kinds = {
        (group.first.seed, str(group.first.option("architecture", "latent_dim")))
        for group in groups
    }
    return len(kinds) == 1


def steps_per_epoch(run: RecordedRun) -> float | None:
    """Return how many steps see every image once, with fractions."""
    return run.recorded_steps / run.epochs if run.epochs else None


def _grids(run: RecordedRun) -> Iterator[tuple[str, Path]]:
    """Yield the moment and the file of each grid, in order."""
    per_epoch = steps_per_epoch(run)
    for step, path in run.folder.sample_grids():
        if per_epoch:
            yield f"epoch {format_epoch(step / per_epoch)}", path


def _cut(run: RecordedRun, path: Path) -> NDArray[np.uint8] | None:
    """Return the first images of a grid, uint8 [H, W, C]; None where it is no such grid."""
    count = grid_images(run.document)
    height, width = tile(run.document)
    try:
        grid = unmagnified(read_picture(path), (height, width), count)
    except OSError:
        return None
    columns = min(near_square(count, width / height), count)
    rows = -(-count // columns)
    if grid.shape[:2] != (1 + rows * (height + 1), 1 + columns * (width + 1)):
        return None
    places = [divmod(index, columns) for index in range(min(SIDE * SIDE, count))]
    tiles = [
        grid[1 + row * (height + 1) :, 1 + column * (width + 1) :][:height, :width]
        for row, column in places
    ]
    return _mosaic(tiles)


def _mosaic(tiles: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return images in rows, with gaps of one pixel between them."""
    import numpy as np

    height, width, channels = tiles[0].shape
    rows = -(-len(tiles) // SIDE)
    shape = (rows * (height + 1) - 1, min(SIDE, len(tiles)) * (width + 1) - 1, channels)
    picture = np.full(shape, GAP_LEVEL, dtype=np.uint8)
    for index, picked in enumerate(tiles):
        top, left = (
            place * (side + 1)
            for place, side in zip(divmod(index, SIDE), (height, width), strict=True)
        )
        picture[top : top + height, left : left + width] = picked
    return picture
