"""The charts of a run's figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gantool.reporting.figures import (
    PENALTY,
    figure_label,
    format_epoch,
    format_figure,
    protocol_lines,
)
from gantool.reporting.page.charts import COLORS, Series, line_chart
from gantool.runs.scores import SPREADS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup

    from gantool.reporting.report.record import RunRecord
    from gantool.runs.scores import Evaluation, Protocol, Score, Scored

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


MOST_EVALUATIONS = 8
DURING = ("score", "first", "newest", "lowest", "highest")
AFTER = ("score", "mean", "sd", "real vs real", "better")


@dataclass(frozen=True)
class ScoreTable:
    """Scores of one protocol.

    Attributes:
        title: When they were taken.
        columns: Names of the columns.
        rows: Text for each column.
        protocol: How they were obtained, a line for each thing.
        remarks: What they give reason to say.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    protocol: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def score_tables(record: RunRecord) -> list[ScoreTable]:
    """Return the scores taken after training, the newest first, and those taken during it."""
    after = [_evaluation(record, line) for line in record.evaluations[: -MOST_EVALUATIONS - 1 : -1]]
    return [*after, *_during(record)]


def _during(record: RunRecord) -> Iterator[ScoreTable]:
    """Yield a table for each protocol: a run that goes on elsewhere may have another one."""
    by_protocol: dict[Protocol | None, list[Scored]] = {}
    for line in record.scores:
        by_protocol.setdefault(line.protocol, []).append(line)
    for protocol, lines in by_protocol.items():
        names = dict.fromkeys(name for line in lines for name in line.values if is_score(name))
        rows = tuple(_over_time(record, lines, name) for name in names)
        words = protocol_lines(lines[-1].step, protocol, names, floors=False)
        yield ScoreTable("During training", DURING, rows, tuple(words))


def _over_time(record: RunRecord, lines: Sequence[Scored], name: str) -> tuple[str, ...]:
    """Return a score's row; it was a number at least once."""
    known = [(line.values[name], line.step) for line in lines if name in line.values]
    ends = (known[0], known[-1], min(known), max(known))
    return (
        name,
        *(f"{format_figure(value)} (epoch {format_epoch(record.epoch(s))})" for value, s in ends),
    )


def _evaluation(record: RunRecord, line: Evaluation) -> ScoreTable:
    return ScoreTable(
        f"After {line.step:,} steps, epoch {format_epoch(record.epoch(line.step))}",
        AFTER,
        tuple(map(_score, line.scores)),
        tuple(protocol_lines(line.step, line.protocol, [score.name for score in line.scores])),
        line.remarks,
    )


def _score(score: Score) -> tuple[str, ...]:
    return (
        score.name,
        _figure(score.mean),
        _figure(score.sd, "± "),
        _figure(score.floor),
        "" if score.direction == "none" else score.direction,
    )


def _figure(value: float | None, before: str = "") -> str:
    return "" if value is None else f"{before}{format_figure(value)}"
