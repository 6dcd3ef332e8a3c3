"""The scores of a run that its model card shows, with how they were obtained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gantool.evaluation.judgment import Judgment
from gantool.evaluation.protocol import Protocol
from gantool.reporting.figures import format_figure
from gantool.reporting.judging import protocol_lines
from gantool.runs.records import JsonLines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.runs.folder import RunFolder

UNLIKE = (KeyError, TypeError, ValueError, AttributeError)
"""What reading a record that another version wrote can raise."""


@dataclass(frozen=True)
class CardScore:
    """One row of a card.

    Attributes:
        name: As in "fid-inception/distance".
        value: The mean, and its deviation over sampling seeds where there are several.
        floor: The same for one half of the real images against the other, if it was computed.
        better: Which way is better: "lower", "higher" or nothing.
    """

    name: str
    value: str
    floor: str = ""
    better: str = ""


@dataclass(frozen=True)
class CardScores:
    """Scores by one protocol.

    Attributes:
        step: Steps of the checkpoint that was judged.
        rows: The scores.
        protocol: How they were obtained, in words.
        remarks: What they give reason to say.
    """

    step: int
    rows: tuple[CardScore, ...]
    protocol: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def scores_of(folder: RunFolder, step: int) -> tuple[CardScores, ...]:
    """Return the scores of a checkpoint; where it has none, the newest of an earlier one."""
    found = [each for each in _all(folder) if each.step <= step]
    latest = max((each.step for each in found), default=None)
    return tuple(each for each in found if each.step == latest)


def _all(folder: RunFolder) -> Iterator[CardScores]:
    for path, read in ((folder.evaluations, _evaluated), (folder.scores, _tracked)):
        for record in JsonLines(path).read():
            try:
                yield read(record)
            except UNLIKE:
                continue


def _evaluated(record: Mapping[str, Any]) -> CardScores:
    """Read a record of `gantool evaluate`."""
    rows = tuple(map(_row, record["scores"]))
    lines = _in_words(record, floor=any(row.floor for row in rows))
    return CardScores(record["step"], rows, lines, tuple(map(str, record.get("remarks", ()))))


def _tracked(record: Mapping[str, Any]) -> CardScores:
    """Read a record of the metrics that the recipe names."""
    rows = tuple(
        CardScore(name, format_figure(value))
        for name, value in record.items()
        if "/" in name and isinstance(value, float)
    )
    return CardScores(record["step"], rows, _in_words(record, floor=False))


def _row(score: Mapping[str, Any]) -> CardScore:
    spread = f" ± {format_figure(score['sd'])}" if score["sd"] is not None else ""
    floor = "" if score["floor"] is None else format_figure(score["floor"])
    better = "" if score["direction"] == "none" else str(score["direction"])
    return CardScore(str(score["name"]), format_figure(score["mean"]) + spread, floor, better)


def _in_words(record: Mapping[str, Any], *, floor: bool) -> tuple[str, ...]:
    protocol = Protocol.from_data(dict(record["protocol"]))
    lines = tuple(protocol_lines(Judgment(record["step"], protocol, ())))
    return lines if floor else lines[:-1]  # the last one is about real images against real ones
