"""What became of a run, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.evaluation.memorization import copies_called_out, scores_called_out
from gantool.reporting.figures import format_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.evaluation.memorization import Copies
    from gantool.reporting.report.record import RunRecord
    from gantool.runs.history.scores import Finding

SOUND, WATCHED = "No sign of trouble", "The health watcher found something"
MEMORIZED = "It repeats its training images"
FAILED = "The run ended in an error"
UNWATCHED = "Nobody watched this run"


@dataclass(frozen=True)
class Verdict:
    """What to think of a run.

    Attributes:
        title: In a few words.
        is_bad: Whether something is wrong.
        sentences: Why, most important first.
    """

    title: str
    is_bad: bool
    sentences: tuple[str, ...]


def verdict_of(record: RunRecord, copies: Copies | None = None) -> Verdict:
    """Judge a run by what its watcher found, how it ended, and whether it repeats its images.

    Args:
        record: The run.
        copies: What a look at the nearest neighbors found, if there was one.
    """
    memorized = _memorized(record, copies)
    found = [_finding(record, line) for line in record.findings]
    failed = [f"It stopped after step {record.status.step:,}."] if record.state == "failed" else []
    if memorized or found or failed:
        title = MEMORIZED if memorized else WATCHED if found else FAILED
        return Verdict(title, True, (*memorized, *failed, *found))
    if record.option("health", "policy") == "off":
        return Verdict(UNWATCHED, False, ('The recipe says health.policy = "off".',))
    return Verdict(SOUND, False, tuple(_sound(record, copies)))


def _memorized(record: RunRecord, copies: Copies | None) -> list[str]:
    """Return the accusation: by the neighbors if they were looked at, else by the scores."""
    newest = [line.values for line in record.scores[-1:]]
    newest += [line.means for line in record.evaluations[-1:]]
    said = [copies_called_out(copies)] if copies is not None else []
    return [each for each in (*said, *map(scores_called_out, newest)) if each][:1]


def _finding(record: RunRecord, line: Finding) -> str:
    """Return what the watcher found, when, and what helped others."""
    from gantool.training.health import REMEDIES

    when = f"After step {line.step:,}, epoch {format_epoch(record.epoch(line.step))}"
    remedy = REMEDIES.get(line.sign)
    found = f"{when}: {line.message}."
    return f"{found} What may help: {remedy}." if remedy else found


def _sound(record: RunRecord, copies: Copies | None) -> Iterator[str]:
    so_far = " so far" if record.state == "running" else ""
    steps = record.curves.step
    yield (
        f"In {steps:,} steps the health watcher has{so_far} seen neither player "
        "win outright, the pictures stayed varied, and the game kept moving."
    )
    if copies is not None:
        yield (
            f"Of {copies.generated:,} generated images {copies.copies or 'none'} "
            f"{'repeats' if copies.copies == 1 else 'repeat'} a training image."
        )
