"""A run in a few figures: how far it came, how long that took, what it was computed with."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from gantool.reporting.figures import format_duration, format_epoch, format_figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.reporting.report.record import RunRecord

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
