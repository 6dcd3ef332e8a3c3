"""Put the report of a run together and write it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.files.durable import make_folder
from gantool.recipe.documents import plainly
from gantool.reporting.figures import format_epoch
from gantool.reporting.page import render, write_page
from gantool.reporting.page.images import Frame, embed, pick_evenly, read_picture, unmagnified
from gantool.reporting.report import summary
from gantool.reporting.report.panels import (
    practitioner_charts,
    report_chart,
    score_charts,
    score_tables,
)
from gantool.reporting.report.recipe_lines import dropped, read_parent, recipe_lines
from gantool.reporting.report.record import read_record
from gantool.reporting.report.summary import verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from gantool.data.selection import Pixels
    from gantool.evaluation.failing import Copies
    from gantool.evaluation.neighbors import Neighborhood
    from gantool.reporting.page.images import EmbeddedImage
    from gantool.reporting.report.record import RunRecord
    from gantool.runs.folder import RunFolder
    from gantool.runs.status import RunStatus

log = logging.getLogger("gantool")

TEMPLATE = "report.html"
NOT_LOOKED = "They are looked for when a run ends, and by gantool report."


def write_report(
    folder: RunFolder,
    out: Path | None = None,
    *,
    status: RunStatus | None = None,
    neighbors: Neighbors | str = NOT_LOOKED,
) -> Path:
    """Write the report of a run, so that a reader sees the old page or the new one.

    Args:
        folder: The run's.
        out: The HTML file; by default the run's own.
        status: The run's, where it is known better than the folder tells.
        neighbors: What was found of nearest neighbors, or why nobody looked.

    Returns:
        The file.

    Raises:
        UsageError: When the run cannot be read, or nothing was logged yet.
        OSError: When the file cannot be written.
    """
    record = read_record(folder, status)
    path = out or folder.report
    if out is not None:
        make_folder(out.parent)
    write_page(path, report_page(record, neighbors))
    return path


def report_page(record: RunRecord, neighbors: Neighbors | str = NOT_LOOKED) -> str:
    """Return a run's report as HTML."""
    found = neighbors if isinstance(neighbors, Neighbors) else None
    parent, document = read_parent(record), plainly(record.document)
    return render(
        TEMPLATE,
        name=record.name,
        started=summary.started(record),
        facts=list(summary.facts(record)),
        verdict=verdict_of(record, found.copies if found else None),
        frames=frames(record),
        report_chart=report_chart(record),
        practitioner_charts=list(practitioner_charts(record)),
        score_charts=score_charts(record),
        score_tables=score_tables(record),
        neighbors=found,
        why_no_neighbors="" if found else str(neighbors),
        parent=parent,
        recipe=recipe_lines(document, parent),
        dropped=dropped(document, parent),
        cost=list(summary.cost(record)),
        environment=list(summary.environment(record)),
        gantool=record.status.gantool,
    )


def frames(record: RunRecord) -> list[Frame]:
    """Return the sample grids of a run as a slider shows them; unreadable ones are passed over."""
    found = list(_readable(record))
    images = embed([picture for _, picture in found])
    return [Frame(label, (("", image),)) for (label, _), image in zip(found, images, strict=True)]


def _readable(record: RunRecord) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for label, path in pick_evenly(labeled_grids(record)):
        try:
            yield label, unmagnified(read_picture(path), record.tile, record.grid_images)
        except OSError as error:
            log.warning("a sample grid is left out of the report: %s", error)


def labeled_grids(record: RunRecord) -> list[tuple[str, Path]]:
    """Return the epoch of each sample grid in words, and its file."""
    return [(f"epoch {format_epoch(record.epoch(step))}", path) for step, path in record.grids]


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
