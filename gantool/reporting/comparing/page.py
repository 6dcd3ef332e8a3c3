"""A comparison as one self-contained HTML page."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from gantool.evaluation.comparison import verdicts
from gantool.files.durable import make_folder
from gantool.reporting.comparing.strips import same_latents, steps_per_epoch, strips_of
from gantool.reporting.comparing.table import (
    SECTIONS,
    protocol_in_words,
    rows_of,
    shown_columns,
)
from gantool.reporting.comparing.wording import conclusion, game_in_words, listed
from gantool.reporting.page.charts import Series, line_chart
from gantool.reporting.page.rendering import render, write_page
from gantool.runs.curves import Curve
from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from markupsafe import Markup

    from gantool.evaluation.comparison.comparison import Comparison
    from gantool.reporting.comparing.table import Row
    from gantool.runs.curves import Curves

COLORS = 8
"""Colors of series that the page's style has."""
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
            Series(name, epochs, curve.means, _color(place), curve.extremes(epochs))
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
    series = []
    for place, group in enumerate(comparison.groups):
        found, per_epoch = decides.of(group.first), steps_per_epoch(group.first)
        if found is None or per_epoch is None:
            continue
        epochs = [reading.step / per_epoch for reading in found.readings]
        values = [reading.value for reading in found.readings]
        series.append(Series(group.name, epochs, values, _color(place)))
    return line_chart(
        series, title=f"{decides.name} ({decides.direction} is better)", smoothed=False
    )


def _breakable(row: Row) -> Row:
    """Return a row whose long names may break after their dots and underscores."""

    def broken(text: str) -> str:
        return re.sub(r"(?<=[a-z])([._/])(?=[a-z])", "\\1\u200b", text)

    cells = tuple(map(broken, row.cells))
    return replace(row, label=broken(row.label), cells=cells)


def _color(place: int) -> str:
    return f"series-{place % COLORS + 1}"


def _statement(rule: Callable[..., object]) -> str:
    """Return what a rule's documentation says, without its first words on what it returns."""
    return " ".join((inspect.getdoc(rule) or "").split())
