"""The scores of a run, each with how it was obtained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gantool.evaluation.judgment import Judgment
from gantool.evaluation.protocol import Protocol
from gantool.reporting.figures import format_epoch, format_figure
from gantool.reporting.judging import protocol_lines
from gantool.reporting.report.panels import is_score
from gantool.runs.records import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.reporting.report.record import Line, RunRecord

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
    protocols: list[Any] = []
    for line in record.scores:
        if line.get("protocol") not in protocols:
            protocols.append(line.get("protocol"))
    for protocol in protocols:
        lines = [line for line in record.scores if line.get("protocol") == protocol]
        names = dict.fromkeys(name for line in lines for name in line if is_score(name))
        rows = tuple(filter(None, (_over_time(record, lines, name) for name in names)))
        words = _in_words(protocol, lines[-1]["step"])
        # the last line is of a noise floor, which is not computed during training
        yield ScoreTable("During training", DURING, rows, words[:3])


def _over_time(record: RunRecord, lines: list[Line], name: str) -> tuple[str, ...] | None:
    """Return a score's row, or None where it never was a number."""
    found = [(number(line.get(name)), line["step"]) for line in lines]
    known = [(value, step) for value, step in found if value is not None]
    if not known:
        return None
    ends = (known[0], known[-1], min(known), max(known))
    return (
        name,
        *(f"{format_figure(value)} (epoch {format_epoch(record.epoch(s))})" for value, s in ends),
    )


def _evaluation(record: RunRecord, line: Line) -> ScoreTable:
    scores, remarks = line.get("scores"), line.get("remarks")
    listed = [each for each in scores if isinstance(each, dict)] if isinstance(scores, list) else []
    return ScoreTable(
        f"After {line['step']:,} steps, epoch {format_epoch(record.epoch(line['step']))}",
        AFTER,
        tuple(map(_score, listed)),
        _in_words(line.get("protocol"), line["step"]),
        tuple(map(str, remarks)) if isinstance(remarks, list) else (),
    )


def _score(score: Mapping[str, Any]) -> tuple[str, ...]:
    direction = str(score.get("direction", ""))
    return (
        str(score.get("name")),
        _figure(score.get("mean")),
        _figure(score.get("sd"), "± "),
        _figure(score.get("floor")),
        "" if direction == "none" else direction,
    )


def _figure(value: object, before: str = "") -> str:
    found = number(value)
    return "" if found is None else f"{before}{format_figure(found)}"


def _in_words(protocol: Any, step: int) -> tuple[str, ...]:
    try:
        judgment = Judgment(step, Protocol.from_data(protocol), ())
        return tuple(protocol_lines(judgment))
    except (TypeError, KeyError, ValueError, AttributeError):
        return (UNKNOWN,)
