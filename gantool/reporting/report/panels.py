"""Charts of a run's figures and scores, and tables of its scores with how they were obtained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gantool.reporting.figures import (
    LABELS,
    PENALTY,
    SCORES,
    figure_label,
    format_figure,
    protocol_lines,
    score_cells,
)
from gantool.reporting.page.charts import COLORS, Line, line_chart
from gantool.runs.scores import SPREADS
from gantool.text import format_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup

    from gantool.runs.history import RunHistory
    from gantool.runs.scores import Evaluation, Protocol, Scored

MOST_CHARTS = 12
"""Of scores: more of them would make the page too large."""
MOST_EVALUATIONS = 8
DURING = ("score", "first", "newest", "lowest", "highest")
AFTER = ("score", "mean", "sd", "real vs real", "better")


def report_chart(run: RunHistory) -> Markup:
    """Return both losses as the report behind the shipped recipes draws them."""
    return line_chart(_of_players(run, "_loss"), title="Loss", smoothed=False)


def practitioner_charts(run: RunHistory) -> Iterator[Markup]:
    """Yield what tells most of a game: smoothed losses, D(x), gradients, penalties."""
    yield line_chart(_of_players(run, "_loss"), title="Loss", logarithmic=True)
    if any(run.curves.curve(name).is_known for name in SCORES.values()):
        scores = [_line(run, name, LABELS[name], player) for player, name in SCORES.items()]
        yield line_chart(scores, title="Taken for real", y_range=(0, 1), guide=0.5)
    if any(run.curves.curve(f"{player}_gradient_norm").is_known for player in SCORES):
        norms = _of_players(run, "_gradient_norm")
        yield line_chart(norms, title="Gradient norm", logarithmic=True)
    names = [name for name in run.curves.figures if name.startswith(PENALTY)]
    if names:
        colored = zip(names, COLORS, strict=False)
        penalties = [_line(run, name, figure_label(name), color) for name, color in colored]
        yield line_chart(penalties, title="Penalties", logarithmic=True)


def score_charts(run: RunHistory) -> list[Markup]:
    """Return a chart for each score over training that was taken at least twice."""
    charts = []
    for name in _names(run.scores):
        x = [run.epoch(scored.step) for scored in run.scores]
        y = [scored.values.get(name) for scored in run.scores]
        if sum(value is not None for value in y) > 1:
            charts.append(line_chart([Line(name, x, y)], title=name, smoothed=False, keys=False))
    return charts[:MOST_CHARTS]


def _names(scores: Sequence[Scored]) -> list[str]:
    """Return the names of scores that are no spreads of others."""
    names = dict.fromkeys(name for scored in scores for name in scored.values)
    return [name for name in names if not name.endswith(SPREADS)]


def _of_players(run: RunHistory, figure: str) -> list[Line]:
    return [_line(run, f"{player}{figure}", player.capitalize(), player) for player in SCORES]


def _line(run: RunHistory, name: str, label: str, color: str) -> Line:
    curve = run.curves.curve(name)
    x = run.epoch(1) * run.curves.steps.astype(np.float64)
    return Line(label, x, curve.means, color, curve.extremes(x))


@dataclass(frozen=True)
class ScoreTable:
    """Scores of one protocol, which is told in lines; the title says when they were taken."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    protocol: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def score_tables(run: RunHistory) -> list[ScoreTable]:
    """Return the scores taken after training, the newest first, and those taken during it."""
    newest = run.evaluations[: -MOST_EVALUATIONS - 1 : -1]
    return [*(_after(run, evaluation) for evaluation in newest), *_during(run)]


def _during(run: RunHistory) -> Iterator[ScoreTable]:
    """Yield a table for each protocol: a run that goes on elsewhere may have another one."""
    by_protocol: dict[Protocol | None, list[Scored]] = {}
    for scored in run.scores:
        by_protocol.setdefault(scored.protocol, []).append(scored)
    for protocol, scores in by_protocol.items():
        names = _names(scores)
        rows = tuple(_over_time(run, scores, name) for name in names)
        words = protocol_lines(scores[-1].step, protocol, names, floors=False)
        yield ScoreTable("During training", DURING, rows, tuple(words))


def _over_time(run: RunHistory, scores: Sequence[Scored], name: str) -> tuple[str, ...]:
    """Return a score's row; it was a number at least once."""
    known = [(scored.values[name], scored.step) for scored in scores if name in scored.values]
    ends = (known[0], known[-1], min(known), max(known))
    return (
        name,
        *(f"{format_figure(value)} (epoch {format_epoch(run.epoch(s))})" for value, s in ends),
    )


def _after(run: RunHistory, evaluation: Evaluation) -> ScoreTable:
    step, scores = evaluation.step, evaluation.scores
    return ScoreTable(
        f"After {step:,} steps, epoch {format_epoch(run.epoch(step))}",
        AFTER,
        tuple(map(score_cells, scores)),
        tuple(protocol_lines(step, evaluation.protocol, [score.name for score in scores])),
        evaluation.remarks,
    )
