"""A run in short: how far it came, what that took, and what it was computed with."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from gantool.reporting.figures import format_duration, format_figure
from gantool.text import format_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.runs.history import RunHistory

STATES = {"running": "still running", "failed": "ended in an error"}


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
