"""The scores of a run that its model card shows, with how they were obtained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.reporting.figures import format_figure, protocol_lines
from gantool.runs.scores import Evaluation, Scored, read_scores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gantool.runs.folder import RunFolder
    from gantool.runs.scores import Protocol, Score


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
        step: Steps of the evaluated checkpoint.
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
    evaluations, scored = read_scores(folder)
    lines: list[Evaluation | Scored] = [*evaluations, *scored]
    found = [each for line in lines for each in _card_scores(line)]
    latest = max((each.step for each in found if each.step <= step), default=None)
    return tuple(each for each in found if each.step == latest)


def _card_scores(line: Evaluation | Scored) -> Iterator[CardScores]:
    """Yield the scores of a line, if it is known how they were obtained."""
    if line.protocol is not None:
        rows = tuple(map(_row, line.scores))
        words = _in_words(line.step, line.protocol, rows)
        yield CardScores(line.step, rows, words, line.remarks)


def _row(score: Score) -> CardScore:
    mean = "" if score.mean is None else format_figure(score.mean)
    spread = "" if score.sd is None else f" ± {format_figure(score.sd)}"
    floor = "" if score.floor is None else format_figure(score.floor)
    return CardScore(
        score.name, mean + spread, floor, "" if score.direction == "none" else score.direction
    )


def _in_words(step: int, protocol: Protocol, rows: Sequence[CardScore]) -> tuple[str, ...]:
    floors = any(row.floor for row in rows)
    return tuple(protocol_lines(step, protocol, [row.name for row in rows], floors=floors))
