"""A run in a few figures: how far it came, how long that took, what it was computed with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gantool.evaluation.failing import bad_scores, copies_called_out, scores_called_out
from gantool.reporting.figures import format_duration, format_epoch, format_figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.evaluation.failing import Copies
    from gantool.reporting.report.record import RunRecord
    from gantool.runs.scores import Finding

STATES = {
    "running": "still running",
    "completed": "completed",
    "stopped": "stopped",
    "failed": "ended in an error",
    "interrupted": "interrupted",
}


def facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield what everybody asks first, label and value."""
    status = record.status
    yield "Recipe", status.recipe
    yield "Run", STATES[record.state]
    yield "Steps", _of(f"{status.step:,}", f"{status.steps:,}")
    whole = format_epoch(record.epoch(status.steps))
    yield "Epochs", _of(format_epoch(record.epoch(status.step)), whole)
    yield "Training time", format_duration(record.seconds)
    if (pace := record.timing.images_per_second) is not None:
        yield "Images a second", f"{pace:,.0f}"


def cost(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield what a run took."""
    if (seconds := record.timing.seconds_per_step) is not None:
        yield "Time for a step", f"{format_figure(1000 * seconds)} ms (median)"
    if (pace := record.timing.images_per_second) is not None:
        yield "Pace", f"{pace:,.0f} images a second (median)"
    yield "Training time", format_duration(record.seconds)
    if (memory := record.timing.peak_memory_bytes) is not None:
        yield "Peak memory", f"{memory / 1e6:,.0f} MB"
    yield "Run folder", _size(record)


def environment(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield what the newest process that worked on the run computed with."""
    if not (noted := record.history.environments):
        return
    newest = noted[-1]
    for label, name in (("gantool", "gantool"), ("Python", "python"), ("Platform", "platform")):
        yield label, str(newest.get(name, "unknown"))
    yield "Devices", _joined(newest.get("devices"))
    yield "Processors", f"{newest.get('processors')}, {newest.get('threads')} threads"
    yield "Packages", _named(newest.get("packages"))
    if len(noted) > 1:
        yield "Processes", f"{len(noted)} worked on it, one after another"


def started(record: RunRecord) -> str:
    """Return when a run was started, in the local time zone."""
    try:
        return f"{datetime.fromisoformat(record.status.created).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):  # the status is damaged
        return "at an unknown time"


def _of(done: str, whole: str) -> str:
    return done if done == whole else f"{done} of {whole}"


def _size(record: RunRecord) -> str:
    found = [path.lstat() for path in record.folder.path.rglob("*") if path.is_file()]
    return f"{sum(each.st_size for each in found) / 1e6:,.1f} MB in {len(found):,} files"


def _joined(values: Any) -> str:
    return ", ".join(map(str, values)) if isinstance(values, list) else "unknown"


def _named(values: Mapping[str, Any] | Any) -> str:
    if not isinstance(values, dict):
        return "unknown"
    return ", ".join(f"{name} {version}" for name, version in values.items())


SOUND, WATCHED = "No sign of trouble", "The health watcher found something"
MEMORIZED = "It repeats its training images"
FAILED = "The run ended in an error"
UNWATCHED = "Nobody watched this run"
BADLY_SCORED = "Its scores are bad"
TOO_SHORT, TOO_FEW = "Too short to judge", "Too few images to judge"
FEWEST_IMAGES = 32
"""Training images below which a generator that knows them by heart looks like any other."""


@dataclass(frozen=True)
class Verdict:
    """What to think of a run.

    Attributes:
        title: In a few words.
        is_bad: Whether something is wrong.
        sentences: Why, most important first.
        is_open: Whether there is no telling yet: neither good nor bad.
    """

    title: str
    is_bad: bool
    sentences: tuple[str, ...]
    is_open: bool = False


def verdict_of(record: RunRecord, copies: Copies | None = None) -> Verdict:
    """Judge a run by its watcher's findings, its end, its scores, and whether it repeats images.

    Args:
        record: The run.
        copies: What a look at the nearest neighbors found, if there was one.
    """
    memorized = _memorized(record, copies)
    found = [_finding(record, line) for line in record.findings]
    failed = [f"It stopped after step {record.status.step:,}."] if record.state == "failed" else []
    scored = list(bad_scores(record.scores, record.evaluations))
    if memorized or found or failed or scored:
        titles = ((memorized, MEMORIZED), (found, WATCHED), (failed, FAILED))
        title = next((each for said, each in titles if said), BADLY_SCORED)
        return Verdict(title, True, (*memorized, *failed, *found, *scored))
    return _open(record, copies) or Verdict(SOUND, False, tuple(_sound(record, copies)))


def _open(record: RunRecord, copies: Copies | None) -> Verdict | None:
    """Return why there is no telling yet, or None."""
    from gantool.training.signs import WINDOW_STEPS

    if record.option("health", "policy") == "off":
        return Verdict(UNWATCHED, False, ('The recipe says health.policy = "off".',), is_open=True)
    if copies is not None and copies.real < FEWEST_IMAGES:
        said = (
            f"It was trained on {copies.real} images. Below {FEWEST_IMAGES}, pictures that are "
            "learned by heart cannot be told from pictures that are made: train on more."
        )
        return Verdict(TOO_FEW, False, (said,), is_open=True)
    steps = record.curves.step
    if steps < WINDOW_STEPS:
        said = (
            f"In {steps:,} steps nothing went wrong that shows so early; the health watcher judges "
            f"by {WINDOW_STEPS} steps, and looks at the pictures only then."
        )
        return Verdict(TOO_SHORT, False, (said,), is_open=True)
    return None


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
