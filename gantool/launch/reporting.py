"""The report of a run, as far as it needs the process that trains it."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from gantool.errors import GantoolError
from gantool.recipe.reading import read_recipe
from gantool.runs.status import write_json

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from gantool.data.selection import Pixels
    from gantool.recipe.schema import Recipe
    from gantool.reporting.report.writing import Neighbors
    from gantool.runs.folder import RunFolder

log = logging.getLogger("gantool")

MOST_IMAGES = 20_000
"""Training images among which neighbors are looked for when a run ends: about five seconds."""
TOO_MANY = (
    "They were not looked for among so many images at the end of the run; gantool report does it."
)


def note_parent(folder: RunFolder, recipe: Recipe) -> None:
    """Write down the recipe that a run's recipe extends, or its own without `--set`, once.

    A recipe that is complete only with what lies over it is passed over.
    """
    is_own = folder.recipe.resolve() in [file.resolve() for file in recipe.files[:1]]
    if is_own or folder.parent_recipe.exists():  # the run goes on
        return
    for file in recipe.files[1::-1]:
        with suppress(GantoolError):
            parent = read_recipe(file)
            extended = file != recipe.files[0]
            _write(folder, {"name": parent.name, "extended": extended, "document": parent.document})
            return


def _write(folder: RunFolder, found: dict[str, Any]) -> None:
    try:
        write_json(folder.parent_recipe, found)
    except OSError as error:
        log.warning("%s could not be written: %s", folder.parent_recipe.name, error)


def peak_memory(device: torch.device) -> int | None:
    """Return the most bytes that this process has taken: of the GPU, else of the machine."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def look_at_end(draw: Callable[[], NDArray[np.uint8]], training: Pixels) -> Neighbors | str:
    """Return the nearest neighbors in pixels, which takes a second, or why there are none.

    Args:
        draw: Makes the generated images, uint8 [M, H, W, C].
        training: uint8 [N, H, W, C].
    """
    import torch

    from gantool.evaluation.neighbors import look_around
    from gantool.reporting.report.writing import show_neighbors

    if len(training) > MOST_IMAGES:
        return TOO_MANY
    try:
        return show_neighbors(look_around(torch.from_numpy(draw()), training), training)
    except GantoolError as error:
        return f"They were not looked for: {error.message}."
