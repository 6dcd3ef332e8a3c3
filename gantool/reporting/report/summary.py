"""A run in short: how far it came and what that took, and a verdict on it in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from gantool.evaluation.failing import bad_scores, copies_called_out, scores_called_out
from gantool.reporting.figures import format_duration, format_figure
from gantool.text import format_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.evaluation.failing import Copies
    from gantool.runs.history import RunHistory
    from gantool.runs.scores import Finding

STATES = {"running": "still running", "failed": "ended in an error"}
SOUND, WATCHED = "No sign of trouble", "The health watcher found something"
MEMORIZED = "It repeats its training images"
FAILED = "The run ended in an error"
UNWATCHED = "Nobody watched this run"
BADLY_SCORED = "Its scores are bad"
TOO_SHORT, TOO_FEW = "Too short to judge", "Too few images to judge"
FEWEST_IMAGES = 32
"""Training images below which a generator that knows them by heart looks like any other."""


def facts(run: RunHistory) -> Iterator[tuple[str, str]]:
    """Yield what everybody asks first, label and value."""
    status = run.status
    yield "Recipe", status.recipe
    yield "Run", STATES.get(run.state, run.state)
    yield "Steps", _of(f"{status.step:,}", f"{status.steps:,}")
    epochs = [format_epoch(run.epoch(step)) for step in (status.step, status.steps)]
    yield "Epochs", _of(*epochs)
    yield "Training time", format_duration(run.timing.seconds or 0.0)
    if (pace := run.timing.images_per_second) is not None:
        yield "Images a second", f"{pace:,.0f}"


def cost(run: RunHistory) -> Iterator[tuple[str, str]]:
    """Yield what a run took, label and value."""
    if (seconds := run.timing.seconds_per_step) is not None:
        yield "Time for a step", f"{format_figure(1000 * seconds)} ms (median)"
    if (pace := run.timing.images_per_second) is not None:
        yield "Pace", f"{pace:,.0f} images a second (median)"
    yield "Training time", format_duration(run.timing.seconds or 0.0)
    if (memory := run.timing.peak_memory_bytes) is not None:
        yield "Peak memory", f"{memory / 1e6:,.0f} MB"
    sizes = [path.lstat().st_size for path in run.folder.path.rglob("*") if path.is_file()]
    yield "Run folder", f"{sum(sizes) / 1e6:,.1f} MB in {len(sizes):,} files"


def environment(run: RunHistory) -> Iterator[tuple[str, str]]:
    """Yield what the newest process that worked on the run computed with, label and value."""
    if not run.environments:
        return
    newest = run.environments[-1]
    for label, name in (("gantool", "gantool"), ("Python", "python"), ("Platform", "platform")):
        yield label, str(newest.get(name, "unknown"))
    devices, packages = newest.get("devices"), newest.get("packages")
    yield "Devices", ", ".join(map(str, devices)) if isinstance(devices, list) else "unknown"
    yield "Processors", f"{newest.get('processors')}, {newest.get('threads')} threads"
    named = packages.items() if isinstance(packages, dict) else [("unknown", "")]
    yield "Packages", ", ".join(f"{name} {version}".strip() for name, version in named)
    if len(run.environments) > 1:
        yield "Processes", f"{len(run.environments)} worked on it, one after another"


def started(run: RunHistory) -> str:
    """Return when a run was started, in the local time zone."""
    try:
        return f"{datetime.fromisoformat(run.status.created).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):  # the status is damaged
        return "at an unknown time"


def _of(done: str, whole: str) -> str:
    return done if done == whole else f"{done} of {whole}"


@dataclass(frozen=True)
class Verdict:
    """A judgment on a run, with its reasons, most important first.

    It is open where there is no telling yet: neither good nor bad.
    """

    title: str
    is_bad: bool
    sentences: tuple[str, ...]
    is_open: bool = False


def verdict_of(run: RunHistory, copies: Copies | None = None) -> Verdict:
    """Judge a run by its watcher's findings, its end, its scores, and whether it repeats images."""
    memorized = _memorized(run, copies)
    found = [_finding(run, finding) for finding in run.findings]
    failed = [f"It stopped after step {run.status.step:,}."] if run.state == "failed" else []
    scored = list(bad_scores(run.scores, run.evaluations))
    if sentences := (*memorized, *failed, *found, *scored):
        titles = ((memorized, MEMORIZED), (found, WATCHED), (failed, FAILED))
        title = next((title for said, title in titles if said), BADLY_SCORED)
        return Verdict(title, True, sentences)
    return _open(run, copies) or Verdict(SOUND, False, tuple(_sound(run, copies)))


def _open(run: RunHistory, copies: Copies | None) -> Verdict | None:
    """Return why there is no telling yet, or None."""
    from gantool.training.health.signs import WINDOW_STEPS

    if run.option("health", "policy") == "off":
        return Verdict(UNWATCHED, False, ('The recipe says health.policy = "off".',), is_open=True)
    if copies is not None and copies.real < FEWEST_IMAGES:
        said = (
            f"It was trained on {copies.real} images. Below {FEWEST_IMAGES}, pictures that are "
            "learned by heart cannot be told from pictures that are made: train on more."
        )
        return Verdict(TOO_FEW, False, (said,), is_open=True)
    steps = run.curves.step
    if steps < WINDOW_STEPS:
        said = (
            f"In {steps:,} steps nothing went wrong that shows so early; the health watcher judges "
            f"by {WINDOW_STEPS} steps, and looks at the pictures only then."
        )
        return Verdict(TOO_SHORT, False, (said,), is_open=True)
    return None


def _memorized(run: RunHistory, copies: Copies | None) -> list[str]:
    """Return the accusation: by the neighbors if they were looked at, else by the scores."""
    newest = [scored.values for scored in run.scores[-1:]]
    newest += [evaluation.means for evaluation in run.evaluations[-1:]]
    said = [copies_called_out(copies)] if copies is not None else []
    return [each for each in (*said, *map(scores_called_out, newest)) if each][:1]


def _finding(run: RunHistory, finding: Finding) -> str:
    """Return what the watcher found, when, and what helped others."""
    from gantool.training.health.watcher import REMEDIES

    when = f"After step {finding.step:,}, epoch {format_epoch(run.epoch(finding.step))}"
    remedy = REMEDIES.get(finding.sign)
    found = f"{when}: {finding.message}."
    return f"{found} What may help: {remedy}." if remedy else found


def _sound(run: RunHistory, copies: Copies | None) -> Iterator[str]:
    so_far = " so far" if run.state == "running" else ""
    yield (
        f"In {run.curves.step:,} steps the health watcher has{so_far} seen neither player "
        "win outright, the pictures stayed varied, and the game kept moving."
    )
    if copies is not None:
        yield (
            f"Of {copies.generated:,} generated images {copies.copies or 'none'} "
            f"{'repeats' if copies.copies == 1 else 'repeat'} a training image."
        )
