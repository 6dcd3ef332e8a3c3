"""A comparison as one self-contained HTML page."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from gantool.evaluation.comparison import verdicts
from gantool.files.durable import make_folder
from gantool.reporting.comparing.table import (
    SECTIONS,
    protocol_in_words,
    rows_of,
    shown_columns,
)
from gantool.reporting.comparing.wording import conclusion, game_in_words, listed
from gantool.reporting.figures import format_epoch
from gantool.reporting.page import render, write_page
from gantool.reporting.page.charts import COLORS, Line, line_chart
from gantool.reporting.page.images import embed, pick_evenly, read_picture, unmagnified
from gantool.reporting.pictures.grids import near_square
from gantool.runs.curves import Curve
from gantool.runs.history import grid_images, tile
from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from markupsafe import Markup
    from numpy.typing import NDArray

    from gantool.evaluation.comparison.comparison import Comparison
    from gantool.evaluation.comparison.groups import Group
    from gantool.evaluation.comparison.recorded import RecordedRun
    from gantool.reporting.comparing.table import Row
    from gantool.reporting.page.images import EmbeddedImage
    from gantool.runs.curves import Curves

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


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write a comparison's page.

    Raises:
        OSError: When the file cannot be written.
    """
    make_folder(path.parent)
    write_page(path, comparison_page(comparison))


def comparison_page(comparison: Comparison) -> str:
    """Return the page as HTML."""
    groups = comparison.groups
    lead = comparison.lead
    return render(
        "compare.html",
        title=listed([group.name for group in groups]),
        groups=[
            (group.name, _color(place), game_in_words(group)) for place, group in enumerate(groups)
        ],
        conclusion=conclusion(comparison),
        winner=lead.order[0].name if lead is not None and lead.is_clear else None,
        sections=[
            (SECTIONS[name], list(map(_breakable, rows)))
            for name, rows in groupby(rows_of(comparison), lambda row: row.section)
        ],
        charts=list(_charts(comparison)),
        strips=strips_of(groups),
        same_latents=same_latents(groups),
        several=any(len(group.runs) > 1 for group in groups),
        protocols=[(each.name, protocol_in_words(each)) for each in shown_columns(comparison)],
        rules=[(words, _statement(rule)) for words, rule in RULES],
        version=VERSION,
    )


def _charts(comparison: Comparison) -> Iterator[Markup]:
    """Yield the curves of all groups, overlaid."""
    curves = [(group.name, group.first.curves()) for group in comparison.groups]
    yield _overlaid(curves, "Generator's loss", lambda of: of.curve("generator_loss"))
    yield _overlaid(curves, "Discriminator's loss", lambda of: of.curve("discriminator_loss"))
    yield _overlaid(curves, "D(real) - D(fake)", _gap)
    if comparison.lead is not None:
        yield _score_chart(comparison)


def _overlaid(
    curves: Sequence[tuple[str, Curves]], title: str, figure: Callable[[Curves], Curve]
) -> Markup:
    found = [(name, of.epochs, figure(of)) for name, of in curves]
    return line_chart(
        [
            Line(name, epochs, curve.means, _color(place), curve.extremes(epochs))
            for place, (name, epochs, curve) in enumerate(found)
        ],
        title=title,
    )


def _gap(curves: Curves) -> Curve:
    """Return D(real) - D(fake), whose extremes are unknown where it is a mean of several."""
    real, fake = curves.curve("real_score"), curves.curve("fake_score")
    gap = real.means - fake.means
    return Curve(gap, gap, gap, np.minimum(real.counts, fake.counts))


def _score_chart(comparison: Comparison) -> Markup:
    """Return the deciding score over the epochs."""
    assert comparison.lead is not None
    decides = comparison.lead.column
    lines = []
    for place, group in enumerate(comparison.groups):
        found, per_epoch = decides.of(group.first), steps_per_epoch(group.first)
        if found is None or per_epoch is None:
            continue
        epochs = [reading.step / per_epoch for reading in found.readings]
        values = [reading.value for reading in found.readings]
        lines.append(Line(group.name, epochs, values, _color(place)))
    return line_chart(
        lines, title=f"{decides.name} ({decides.direction} is better)", smoothed=False
    )


def _breakable(row: Row) -> Row:
    """Return a row whose long names may break after their dots and underscores."""

    def broken(text: str) -> str:
        return re.sub(r"(?<=[a-z])([._/])(?=[a-z])", "\\1\u200b", text)

    cells = tuple(map(broken, row.cells))
    return replace(row, label=broken(row.label), cells=cells)


def _color(place: int) -> str:
    return COLORS[place % len(COLORS)]


def _statement(rule: Callable[..., object]) -> str:
    """Return what a rule's documentation says, without its first words on what it returns."""
    return " ".join((inspect.getdoc(rule) or "").split())


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
