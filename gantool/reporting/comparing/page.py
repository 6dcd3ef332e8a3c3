"""A comparison as one self-contained HTML page."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gantool.evaluation.comparison import verdicts
from gantool.files.disk import make_folder
from gantool.reporting.comparing.table import protocol_in_words, score_columns, sections_of
from gantool.reporting.comparing.wording import conclusion, game_in_words, listed
from gantool.reporting.page import render, write_page
from gantool.reporting.page.charts import COLORS, Line, line_chart
from gantool.reporting.page.images import embed, pick_evenly, read_picture, unmagnified
from gantool.reporting.pictures.grids import near_square
from gantool.reporting.report.writing import labeled_grids
from gantool.runs.curves import Curve
from gantool.runs.history import grid_images, tile
from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from markupsafe import Markup
    from numpy.typing import NDArray

    from gantool.evaluation.comparison.comparison import Comparison
    from gantool.evaluation.comparison.groups import Column, Group
    from gantool.evaluation.comparison.recorded import RecordedRun
    from gantool.reporting.comparing.table import Row
    from gantool.reporting.page.images import EmbeddedImage
    from gantool.runs.curves import Curves

SIDE = 3
"""Images in a row, and in a column, of a strip: more could not be told apart on a phone."""
MOST_MOMENTS = 6
SHOWN_PIXELS = 330
GAP_LEVEL = 32
"""Dark gray, as between the images of a grid."""
RULES: tuple[tuple[str, Callable[..., object]], ...] = (
    ("climbs, falls, stays level", verdicts.course),
    ("the discriminator wins", verdicts.discriminator_wins),
    ("ends above the generator's", verdicts.generator_ahead),
    ("collapsed", verdicts.collapsed),
    ("failed or diverged", verdicts.diverged),
    ("which score decides", verdicts.deciding_column),
    ("did best, or no clear winner", verdicts.lead_of),
    ("better before the end", verdicts.best_was_earlier),
)
"""What the words of a comparison mean: the rules' own documentation."""


@dataclass(frozen=True)
class Strip:
    """The same latents at one moment, as each run drew them; None where that cannot be read."""

    label: str
    pictures: tuple[EmbeddedImage | None, ...]


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write a comparison's page."""
    make_folder(path.parent)
    write_page(path, comparison_page(comparison))


def comparison_page(comparison: Comparison) -> str:
    """Return the page as HTML."""
    groups = comparison.groups
    return render(
        "compare.html",
        title=listed([group.name for group in groups]),
        groups=[
            (group.name, _color(place), game_in_words(group)) for place, group in enumerate(groups)
        ],
        conclusion=conclusion(comparison),
        winner=comparison.winner,
        sections=[
            (title, list(map(_breakable, rows))) for title, rows in sections_of(comparison).items()
        ],
        charts=list(_charts(comparison)),
        strips=strips_of(groups),
        same_latents=same_latents(groups),
        several=any(len(group.runs) > 1 for group in groups),
        protocols=[(each.name, protocol_in_words(each)) for each in score_columns(comparison)],
        rules=[(words, " ".join((inspect.getdoc(rule) or "").split())) for words, rule in RULES],
        version=VERSION,
    )


def _charts(comparison: Comparison) -> Iterator[Markup]:
    """Yield the curves of all groups, overlaid."""
    figures: dict[str, Callable[[Curves], Curve]] = {
        "Generator's loss": lambda of: of.curve("generator_loss"),
        "Discriminator's loss": lambda of: of.curve("discriminator_loss"),
        "D(real) - D(fake)": _gap,
    }
    for title, figure in figures.items():
        lines = []
        for place, group in enumerate(comparison.groups):
            epochs, curve = group.first.curves.epochs, figure(group.first.curves)
            extremes = curve.extremes(epochs)
            lines.append(Line(group.name, epochs, curve.means, _color(place), extremes))
        yield line_chart(lines, title=title)
    if comparison.lead is not None:
        decides = comparison.lead.column
        title = f"{decides.name} ({decides.direction} is better)"
        yield line_chart(list(_score_lines(comparison, decides)), title=title, smoothed=False)


def _gap(curves: Curves) -> Curve:
    """Return D(real) - D(fake), whose extremes are unknown where it is a mean of several."""
    real, fake = curves.curve("real_score"), curves.curve("fake_score")
    gap = real.means - fake.means
    return Curve(gap, gap, gap, np.minimum(real.counts, fake.counts))


def _score_lines(comparison: Comparison, column: Column) -> Iterator[Line]:
    for place, group in enumerate(comparison.groups):
        run = group.first
        if (found := column.of(run)) is not None and run.curves.epoch:
            epochs = [run.epoch(reading.step) for reading in found.readings]
            values = [reading.value for reading in found.readings]
            yield Line(group.name, epochs, values, _color(place))


def _breakable(row: Row) -> Row:
    """Return a row whose long names may break after their dots and underscores."""
    label, *cells = (
        re.sub(r"(?<=[a-z])([._/])(?=[a-z])", "\\1\u200b", text) for text in (row.label, *row.cells)
    )
    return replace(row, label=label, cells=tuple(cells))


def _color(place: int) -> str:
    return COLORS[place % len(COLORS)]


def strips_of(groups: Sequence[Group]) -> list[Strip]:
    """Return what the first run of each group had drawn, at moments that all of them share."""
    runs = [group.first for group in groups]
    grids = [dict(labeled_grids(run)) if run.curves.epoch else {} for run in runs]
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
    runs = [group.first for group in groups]
    return len({(run.seed, str(run.option("architecture", "latent_dim"))) for run in runs}) == 1


def _cut(run: RecordedRun, path: Path) -> NDArray[np.uint8] | None:
    """Return the first images of a grid, uint8 [H, W, C]; None where it is no such grid."""
    count, (height, width) = grid_images(run.document), tile(run.document)
    try:
        grid = unmagnified(read_picture(path), (height, width), count)
    except OSError:
        return None
    columns = min(near_square(count, width / height), count)
    down, across = height + 1, width + 1  # gaps of one pixel
    if grid.shape[:2] != (1 + -(-count // columns) * down, 1 + columns * across):
        return None
    kept = min(SIDE * SIDE, count)
    shape = (-(-kept // SIDE) * down - 1, min(SIDE, kept) * across - 1, grid.shape[2])
    picture = np.full(shape, GAP_LEVEL, dtype=np.uint8)
    for index in range(kept):
        (row, column), (top, left) = divmod(index, columns), divmod(index, SIDE)
        image = grid[1 + row * down :, 1 + column * across :][:height, :width]
        picture[top * down :, left * across :][:height, :width] = image
    return picture
