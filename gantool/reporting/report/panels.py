"""The charts of a run's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gantool.reporting.figures import PENALTY, figure_label
from gantool.reporting.page.charts import COLORS, Series, line_chart
from gantool.runs.scores import SPREADS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

    from gantool.reporting.report.record import RunRecord

PLAYERS = ("discriminator", "generator")
MOST_CHARTS = 12
"""Of scores: more of them would make the page too large."""


def report_chart(record: RunRecord) -> Markup:
    """Return both losses as the report behind the shipped recipes draws them."""
    return line_chart(_of_players(record, "_loss"), title="Loss", smoothed=False)


def practitioner_charts(record: RunRecord) -> Iterator[Markup]:
    """Yield what tells most of a game: smoothed losses, verdicts, gradients, penalties."""
    losses = _of_players(record, "_loss")
    yield line_chart(losses, title="Loss", logarithmic=True)
    scores = [
        _series(record, "real_score", "D(real)", "discriminator"),
        _series(record, "fake_score", "D(fake)", "generator"),
    ]
    if any(_is_known(each) for each in scores):
        yield line_chart(scores, title="Taken for real", y_range=(0, 1), guide=0.5)
    norms = _of_players(record, "_gradient_norm")
    if any(_is_known(each) for each in norms):
        yield line_chart(norms, title="Gradient norm", logarithmic=True)
    if penalties := list(_penalties(record)):
        yield line_chart(penalties, title="Penalties", logarithmic=True)


def score_charts(record: RunRecord) -> list[Markup]:
    """Return a chart for each score over training that was taken at least twice."""
    names = dict.fromkeys(name for line in record.scores for name in line.values if is_score(name))
    charts = []
    for name in names:
        x = [record.epoch(line.step) for line in record.scores]
        y = [line.values.get(name) for line in record.scores]
        if sum(value is not None for value in y) > 1:
            charts.append(line_chart([Series(name, x, y)], title=name, smoothed=False, keys=False))
    return charts[:MOST_CHARTS]


def is_score(name: str) -> bool:
    """Return whether a number among scores is one, and not the spread of one."""
    return not name.endswith(SPREADS)


def _of_players(record: RunRecord, figure: str) -> list[Series]:
    return [_series(record, f"{player}{figure}", player.capitalize(), player) for player in PLAYERS]


def _penalties(record: RunRecord) -> Iterator[Series]:
    names = [name for name in record.curves.figures if name.startswith(PENALTY)]
    for name, color in zip(names, COLORS, strict=False):
        yield _series(record, name, figure_label(name), color)


def _series(record: RunRecord, name: str, label: str, color: str) -> Series:
    curve = record.curves.curve(name)
    x = record.epoch(1) * record.curves.steps.astype(np.float64)
    return Series(label, x, curve.means, color, curve.extremes(x))


def _is_known(series: Series) -> bool:
    return bool(np.isfinite(np.asarray(series.y, dtype=np.float64)).any())
