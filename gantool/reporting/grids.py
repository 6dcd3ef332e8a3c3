"""Sample grids: many images in one picture, drawn at the moments a person wants to compare."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from gantool.files.durable import make_folder, written_aside
from gantool.files.plain import make_plain_folder
from gantool.reporting.row_names import RowNames
from gantool.training.observers import Observer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from gantool.recipe.schema import SamplingTable
    from gantool.runs.folder import RunFolder

log = logging.getLogger("gantool")

GAP = 2
"""Pixels between two images and around all of them."""
BACKGROUND = {1: (32,), 3: (32, 32, 32), 4: (0, 0, 0, 0)}
"""What shows in the gaps, by the number of channels: dark gray, or nothing."""
GRID_WIDTH = 1024
LARGEST_TILE = 256
"""Pixels up to which small images are magnified."""
EVEN_GRIDS = 25
"""Grids that a run spreads over its length, if its recipe does not say otherwise."""
LEAST_STEPS = 10
"""Steps between two of them, however short the run: a grid costs as much as a step or two."""


def save_grid(images: NDArray[np.uint8], path: Path, columns: int | None = None) -> None:
    """Write images as one PNG, row by row, magnified by a whole factor where they are small.

    The file is written aside and renamed, so that nobody sees half of it.

    Args:
        images: uint8 [N, H, W, C] with 1, 3 or 4 channels.
        path: The file; its folder is made if it is missing.
        columns: Images in a row; by default as many as make the picture nearly square.

    Raises:
        OSError: When the file cannot be written.
        ValueError: When the array is something else.
    """
    from PIL import Image

    picture = draw_grid(images, columns)
    channels = picture.shape[2]
    make_folder(path.parent)
    with written_aside(path) as aside:
        Image.fromarray(picture[:, :, 0] if channels == 1 else picture).save(aside, format="PNG")


def stream_grid(
    chunks: Iterable[NDArray[np.uint8]],
    count: int,
    path: Path,
    columns: int | None = None,
    names: Sequence[str] = (),
) -> None:
    """Write the picture that `save_grid` writes, row by row, while its images are made.

    Args:
        chunks: The images, some at a time, uint8 [n, H, W, C].
        count: Images in all.
        path: As in `save_grid`.
        columns: As in `save_grid`.
        names: What to write to the left of each row, if anything.

    Raises:
        OSError, ValueError: As `save_grid`.
    """
    from gantool.reporting.png import PngWriter

    make_folder(path.parent)
    with written_aside(path) as aside, aside.open("wb") as file:
        writer = written = None
        for number, (images, across) in enumerate(_in_rows(chunks, count, columns)):
            row = _row(images, across)
            if names:
                written = written or RowNames(names, len(row), BACKGROUND[row.shape[2]])
                row = written.beside(number, row)
            if writer is None:
                height = math.ceil(count / across) * len(row) + GAP
                writer = PngWriter(file, height, *row.shape[1:])
            writer.add(row)
        if writer is not None:
            writer.add(_gap(row))
            writer.finish()


def draw_grid(images: NDArray[np.uint8], columns: int | None = None) -> NDArray[np.uint8]:
    """Return the picture that `save_grid` writes, uint8 [height, width, C]."""
    import numpy as np

    _check(images, columns)
    rows = [_row(part, across) for part, across in _in_rows([images], len(images), columns)]
    return np.concatenate([*rows, _gap(rows[0])])


def _in_rows(
    chunks: Iterable[NDArray[np.uint8]], count: int, columns: int | None
) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Yield the images of each row of a grid, and how many it has room for."""
    import numpy as np

    waiting: NDArray[np.uint8] | None = None
    for chunk in chunks:
        _check(chunk, columns)
        waiting = chunk if waiting is None else np.concatenate([waiting, chunk])
        height, width = chunk.shape[1:3]
        across = min(near_square(count, width / height) if columns is None else columns, count)
        while len(waiting) >= across:
            yield waiting[:across], across
            waiting = waiting[across:]
    if waiting is not None and len(waiting):
        yield waiting, across


def _row(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Return one row of a grid, with the gaps above and beside its images."""
    import numpy as np

    _, height, width, channels = images.shape
    factor = magnification(height, width, columns)
    tiles = images.repeat(factor, axis=1).repeat(factor, axis=2)  # [n, H * factor, W * factor, C]
    across = width * factor + GAP
    shape = (GAP + height * factor, GAP + columns * across, channels)
    row = np.full(shape, BACKGROUND[channels], dtype=np.uint8)
    for index, tile in enumerate(tiles):
        left = GAP + index * across
        row[GAP:, left : left + across - GAP] = tile
    return row


def _gap(row: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the gap below a row."""
    return row[:GAP]


def _check(images: NDArray[np.uint8], columns: int | None) -> None:
    expected = "expected uint8 [N, H, W, C] with 1, 3 or 4 channels and none of them 0"
    if images.ndim != 4 or images.shape[-1] not in BACKGROUND or 0 in images.shape:
        raise ValueError(f"{expected}, got the shape {list(images.shape)}")
    if images.dtype != "uint8":
        raise ValueError(f"{expected}, got {images.dtype}")
    if columns is not None and columns < 1:
        raise ValueError(f"expected at least 1 image in a row, got {columns}")


def near_square(count: int, aspect: float = 1.0) -> int:
    """Return how many images to put in a row.

    A rectangle without empty places is preferred if one side is at most twice the other.

    Args:
        count: Images in all.
        aspect: Width of an image divided by its height.
    """
    nearest = min(count, math.ceil(math.sqrt(count / aspect)))
    full = (columns for columns in range(nearest, count + 1) if count % columns == 0)
    return next((c for c in full if c * aspect <= 2 * (count // c)), nearest)


def magnification(height: int, width: int, columns: int) -> int:
    """Return the largest whole factor that keeps the grid, and each image, of a handy size."""
    by_grid = GRID_WIDTH // (columns * width)
    by_tile = LARGEST_TILE // max(height, width)
    return max(1, min(by_grid, by_tile))


def grid_moments(table: SamplingTable, steps: int, steps_per_epoch: float) -> tuple[int, ...]:
    """Return the steps after which a grid is drawn, in order; the last step is always among them.

    Args:
        table: When the recipe wants grids. Without `every_steps` and `every_epochs` they are
            spread over the run: about 25 evenly, and a few before the first of those.
        steps: Steps of the whole run.
        steps_per_epoch: Steps in which every image is seen once, with fractions.
    """
    moments = {steps, *_ends(table.at_epochs or (), steps_per_epoch)}
    if table.every_steps is not None:
        moments.update(range(table.every_steps, steps, table.every_steps))
    if table.every_epochs is not None:
        epochs = math.floor(steps / steps_per_epoch)
        moments |= _ends(range(table.every_epochs, epochs + 1, table.every_epochs), steps_per_epoch)
    if table.every_steps is None and table.every_epochs is None:
        moments |= _spread(steps)
    return tuple(sorted(moment for moment in moments if moment <= steps))


def _ends(epochs: Iterable[int], steps_per_epoch: float) -> set[int]:
    """Return the steps that complete epochs; rounded first, lest 3 of 1/3 step end at step 2."""
    return {math.ceil(round(epoch * steps_per_epoch, 6)) for epoch in epochs}


def _spread(steps: int) -> set[int]:
    """Return moments for a run of any length, close together at first, when most changes."""
    gap = max(LEAST_STEPS, math.ceil(steps / EVEN_GRIDS))
    return {gap // 8, gap // 4, gap // 2, *range(gap, steps, gap)}


class GridsObserver(Observer):
    """Draws a grid of samples at given steps; a full disk costs the grid and never the run.

    Args:
        draw: Makes the images, uint8 [N, H, W, C], from latents that are always the same.
        moments: Steps after which to draw.
        folder: The run's folder.
        listeners: Told the step and the file of each grid.
        viewers: Given the step and the images of each grid, uint8 [N, H, W, C].
    """

    def __init__(
        self,
        draw: Callable[[], NDArray[np.uint8]],
        moments: Iterable[int],
        folder: RunFolder,
        listeners: Iterable[Callable[[int, Path], None]] = (),
        viewers: Iterable[Callable[[int, NDArray[np.uint8]], None]] = (),
    ) -> None:
        self._draw = draw
        self._moments = frozenset(moments)
        self._folder = folder
        self._listeners = tuple(listeners)
        self._viewers = tuple(viewers)
        self._warned = False

    @override
    def restored(self, step: int, memory: Mapping[str, Any]) -> None:
        """Draw what could not be drawn at its moment."""
        if not self._folder.sample_grid(step).exists():
            self.after_step(step)

    @override
    def after_step(self, step: int) -> None:
        """Draw if it is time."""
        if step not in self._moments:
            return
        path, images = self._folder.sample_grid(step), self._draw()
        for viewer in self._viewers:
            viewer(step, images)
        try:
            make_plain_folder(path.parent)
            save_grid(images, path)
        except OSError as error:
            self._warn(path, error)
            return
        for listener in self._listeners:
            listener(step, path)

    def _warn(self, path: Path, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            log.warning("sample grid %s could not be written: %s", path, error.strerror or error)
