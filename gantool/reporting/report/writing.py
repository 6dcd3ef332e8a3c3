"""The report of a run as one page."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.files.disk import make_folder
from gantool.recipe.documents import plainly
from gantool.reporting.figures import format_duration, format_figure
from gantool.reporting.page import render, write_page
from gantool.reporting.page.images import embed, pick_evenly, read_picture, unmagnified
from gantool.reporting.report import panels
from gantool.reporting.report.recipe_lines import dropped, read_parent, recipe_lines
from gantool.reporting.report.verdict import verdict_of
from gantool.runs.history import grid_images, read_history, tile
from gantool.text import format_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gantool.data.selection import Pixels
    from gantool.evaluation.neighbors import Copies, Neighborhood
    from gantool.reporting.page.images import EmbeddedImage
    from gantool.runs.folder import RunFolder
    from gantool.runs.history import RunHistory
    from gantool.runs.status import RunStatus

log = logging.getLogger("gantool")

STATES = {"running": "still running", "failed": "ended in an error"}
NOT_LOOKED = "They are looked for when a run ends, and by gantool report."
MOST_ROWS = 12
"""Of neighbors."""
BUDGET_BYTES = 400_000
SHOWN_PIXELS = 96


@dataclass(frozen=True)
class NeighborRow:
    """A generated picture beside training images, the nearest first.

    The ratio is how near that one is, in units of what is usual among real images.
    """

    generated: EmbeddedImage
    nearest: tuple[EmbeddedImage, ...]
    ratio: float


@dataclass(frozen=True)
class Neighbors:
    """The generated pictures nearest to a training image, in an extractor's space or "pixels".

    The copies are counted among all that were drawn.
    """

    space: str
    rows: tuple[NeighborRow, ...]
    copies: Copies


def show_neighbors(found: Neighborhood, training: Pixels) -> Neighbors:
    """Return a neighborhood among the training images, as the page shows it."""
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


def write_report(
    folder: RunFolder,
    out: Path | None = None,
    *,
    status: RunStatus | None = None,
    neighbors: Neighbors | str = NOT_LOOKED,
) -> Path:
    """Write the report of a run, by default into its folder, and return the file.

    A reader sees the old page or the new one. A status is given where it is known better than the
    folder tells; `neighbors` says what was found of them, or why nobody looked.

    Raises:
        UsageError: When the run cannot be read, or nothing was logged yet.
    """
    run = read_logged(folder, status)
    path = out or folder.report
    if out is not None:
        make_folder(out.parent)
    write_page(path, report_page(run, neighbors))
    return path


def read_logged(folder: RunFolder, status: RunStatus | None = None) -> RunHistory:
    """Read the history of a run that has figures.

    Raises:
        UsageError: When status or recipe cannot be read, or nothing was logged yet.
    """
    run = read_history(folder, status)
    if not run.curves:
        every = run.option("training", "log_every_steps", 10)
        raise UsageError(
            f"nothing of run {folder.path} was logged yet, so there is nothing to report",
            f"figures are logged every {every} steps; "
            f"if it was stopped: gantool resume {folder.path}",
        )
    return run


def report_page(run: RunHistory, neighbors: Neighbors | str = NOT_LOOKED) -> str:
    """Return a run's report as HTML."""
    found = neighbors if isinstance(neighbors, Neighbors) else None
    parent, document = read_parent(run), plainly(run.document)
    return render(
        "report.html",
        name=run.name,
        started=started(run),
        facts=list(facts(run)),
        verdict=verdict_of(run, found.copies if found else None),
        frames=frames(run),
        report_chart=panels.report_chart(run),
        practitioner_charts=list(panels.practitioner_charts(run)),
        score_charts=panels.score_charts(run),
        score_tables=panels.score_tables(run),
        neighbors=found,
        why_no_neighbors="" if found else str(neighbors),
        parent=parent,
        recipe=recipe_lines(document, parent),
        dropped=dropped(document, parent),
        cost=list(cost(run)),
        environment=list(environment(run)),
        gantool=run.status.gantool,
    )


def frames(run: RunHistory) -> list[tuple[str, EmbeddedImage]]:
    """Return the labels and pictures of a run's sample grids; unreadable ones are passed over."""
    labels, pictures = [], []
    for label, path in pick_evenly(labeled_grids(run)):
        try:
            picture = read_picture(path)
        except OSError as error:
            log.warning("a sample grid is left out of the report: %s", error)
            continue
        labels.append(label)
        pictures.append(unmagnified(picture, tile(run.document), grid_images(run.document)))
    return list(zip(labels, embed(pictures), strict=True))


def labeled_grids(run: RunHistory) -> list[tuple[str, Path]]:
    """Return the epoch of each sample grid in words, and its file."""
    grids = run.folder.sample_grids()
    return [(f"epoch {format_epoch(run.epoch(step))}", path) for step, path in grids]


def facts(run: RunHistory) -> Iterator[tuple[str, str]]:
    """Yield what everybody asks first, label and value."""
    status = run.status
    yield "Recipe", status.recipe
    yield "Run", STATES.get(run.state, run.state)
    yield "Steps", _of(f"{status.step:,}", f"{status.steps:,}")
    epochs = [format_epoch(run.epoch(step)) for step in (status.step, status.steps)]
    yield "Epochs", _of(*epochs)
    yield "Training time", format_duration(run.timing.seconds or 0.0)
    if (pace := run.timing.images_per_second) is not None:
        yield "Images a second", f"{pace:,.0f}"


def cost(run: RunHistory) -> Iterator[tuple[str, str]]:
    """Yield what a run took, label and value."""
    if (seconds := run.timing.seconds_per_step) is not None:
        yield "Time for a step", f"{format_figure(1000 * seconds)} ms (median)"
    if (pace := run.timing.images_per_second) is not None:
        yield "Pace", f"{pace:,.0f} images a second (median)"
    yield "Training time", format_duration(run.timing.seconds or 0.0)
    if (memory := run.timing.peak_memory_bytes) is not None:
        yield "Peak memory", f"{memory / 1e6:,.0f} MB"
    sizes = [path.lstat().st_size for path in run.folder.path.rglob("*") if path.is_file()]
    yield "Run folder", f"{sum(sizes) / 1e6:,.1f} MB in {len(sizes):,} files"


def environment(run: RunHistory) -> Iterator[tuple[str, str]]:
    """Yield what the newest process that worked on the run computed with, label and value."""
    if not run.environments:
        return
    newest = run.environments[-1]
    for label, name in (("gantool", "gantool"), ("Python", "python"), ("Platform", "platform")):
        yield label, str(newest.get(name, "unknown"))
    devices, packages = newest.get("devices"), newest.get("packages")
    yield "Devices", ", ".join(map(str, devices)) if isinstance(devices, list) else "unknown"
    yield "Processors", f"{newest.get('processors')}, {newest.get('threads')} threads"
    named = packages.items() if isinstance(packages, dict) else [("unknown", "")]
    yield "Packages", ", ".join(f"{name} {version}".strip() for name, version in named)
    if len(run.environments) > 1:
        yield "Processes", f"{len(run.environments)} worked on it, one after another"


def started(run: RunHistory) -> str:
    """Return when a run was started, in the local time zone."""
    try:
        return f"{datetime.fromisoformat(run.status.created).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):  # the status is damaged
        return "at an unknown time"


def _of(done: str, whole: str) -> str:
    return done if done == whole else f"{done} of {whole}"
