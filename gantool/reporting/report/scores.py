"""The scores of a run, each with how it was obtained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.evaluation.scoring.judgment import Judgment
from gantool.reporting.figures import format_epoch, format_figure
from gantool.reporting.judging import names_in_words, protocol_lines
from gantool.reporting.report.panels import is_score

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gantool.reporting.report.record import RunRecord
    from gantool.runs.scores import Evaluation, Protocol, Score, Scored

UNKNOWN = "nobody noted how these scores were obtained: compare them with no others"
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
        words = _in_words(protocol, lines[-1].step)[:3]
        # the last line is of a noise floor, which is not computed during training
        yield ScoreTable("During training", DURING, rows, (*words, *_names(names, protocol)))


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
        (
            *_in_words(line.protocol, line.step),
            *_names([score.name for score in line.scores], line.protocol),
        ),
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


def _in_words(protocol: Protocol | None, step: int) -> tuple[str, ...]:
    return (UNKNOWN,) if protocol is None else tuple(protocol_lines(Judgment(step, protocol, ())))


def _names(names: Iterable[str], protocol: Protocol | None) -> tuple[str, ...]:
    return () if protocol is None else tuple(names_in_words(names, protocol))
