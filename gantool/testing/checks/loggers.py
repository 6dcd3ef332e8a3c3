"""Promises of every logger."""

from __future__ import annotations

import errno
import multiprocessing
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn
from unittest import mock

from gantool.errors import MissingExtraError
from gantool.interfaces.logger import RunDescription
from gantool.reporting import loggers
from gantool.testing.harness.isolation import no_network
from gantool.testing.promises import promise, require
from gantool.training.observers import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gantool.interfaces.logger import Logger
    from gantool.testing.promises import Subject

FIGURES: Mapping[str, float] = {
    "discriminator_loss": 0.7,
    "generator_loss": float("inf"),
    "real_score": 0.5,
    "fake_score": float("nan"),
    "penalty/r1": 0.0,
}
"""Figures of a run that goes wrong."""
OUTCOMES = ("completed", "stopped", "failed")
SECONDS = 10.0
"""Seconds after which a thread that still works counts as left behind."""


@promise("logger")
def records_a_run(subject: Subject[Logger]) -> None:
    """It takes figures, NaN and infinity among them, and pictures, whatever the run's outcome."""
    for outcome in OUTCOMES:
        _live(subject.example(), subject.folder(), outcome=outcome)


@promise("logger")
def records_a_resumed_run(subject: Subject[Logger]) -> None:
    """A second process goes on with the records of a run that the first one began."""
    logger, folder = subject.example(), subject.folder()
    _live(logger, folder, outcome="stopped")
    _live(logger, folder, resumed_from=4, sent_until=4)


@promise("logger")
def goes_back_with_a_run(subject: Subject[Logger]) -> None:
    """Told to rewind, it says whether it has dropped the later steps, and goes on either way."""
    logger, folder = subject.example(), subject.folder()
    _live(logger, folder, outcome="failed")
    logger.start(_description(folder, resumed_from=2, sent_until=4))
    for last in (6, 8):  # a process takes over from a killed one, and then diverges
        answer: object = logger.rewind(2)
        require(isinstance(answer, bool), f"rewind returns {answer!r}, neither True nor False")
        for step in (4, last) if answer else (last,):
            logger.images(step, _picture(folder))
            logger.scalars(step, dict(FIGURES))
    logger.finish("completed")


@promise("logger")
def never_stops_a_run(subject: Subject[Logger]) -> None:
    """A backend that fails, from the start or later on, never raises into the run."""
    for from_the_start in (True, False):
        folder = subject.folder()
        picture = _picture(folder)
        observer = loggers.LoggersObserver([subject.example()], _description(folder))
        with mock.patch.object(loggers.log, "warning") as reports:
            try:
                _fail(observer, picture, from_the_start=from_the_start)
            except MissingExtraError:  # it ends a run before it begins
                raise
            except BaseException as error:  # nothing at all may get through
                require(False, f"{type(error).__name__} gets through to the run: {error}")
        require(reports.call_count <= 1, f"its failure is reported {reports.call_count} times")


@promise("logger")
def leaves_nothing_running(subject: Subject[Logger]) -> None:
    """After `finish`, none of its threads and processes keeps the program from ending."""
    threads, processes = set(threading.enumerate()), set(multiprocessing.active_children())
    _live(subject.example(), subject.folder())
    for thread in set(threading.enumerate()) - threads:
        if not thread.daemon:
            thread.join(SECONDS)
            require(not thread.is_alive(), f"the thread '{thread.name}' is still running")
    left = [child.name for child in set(multiprocessing.active_children()) - processes]
    require(not left, f"processes are still running: {', '.join(left)}")


def _live(
    logger: Logger,
    folder: Path,
    *,
    outcome: str = "completed",
    resumed_from: int = 0,
    sent_until: int | None = None,
) -> None:
    """Let a logger record a run from its start to its end."""
    picture = _picture(folder)
    logger.start(_description(folder, resumed_from, sent_until))
    for step in (resumed_from + 2, resumed_from + 4):
        logger.images(step, picture)
        logger.scalars(step, dict(FIGURES))
    logger.finish(outcome)


def _fail(observer: loggers.LoggersObserver, picture: Path, *, from_the_start: bool) -> None:
    """Let the run's loggers record while no file and no connection can be opened."""
    if not from_the_start:
        observer.start()
    with _failing_backend():
        if from_the_start:
            observer.start()
        for step in (2, 4):
            observer.images(step, picture)
            observer.at_log(Record(step, step / 4, FIGURES))
        observer.restored(2, {})
    observer.finish("completed")


@contextmanager
def _failing_backend() -> Iterator[None]:
    """Let every attempt at opening a file or a connection fail."""

    def refuse(*arguments: Any, **options: Any) -> NoReturn:
        del arguments, options
        raise OSError(errno.ENOSPC, "no space left on device")

    with no_network(), mock.patch("builtins.open", refuse), mock.patch("io.open", refuse):
        yield


def _description(
    folder: Path, resumed_from: int = 0, sent_until: int | None = None
) -> RunDescription:
    return RunDescription(
        identifier="0123456789abcdef",
        name=folder.name,
        folder=folder,
        recipe={"dataset": {"use": "folder"}, "training": {"steps": 8}, "regularizers": []},
        resumed_from=resumed_from,
        sent_until=sent_until,
    )


def _picture(folder: Path) -> Path:
    """Write a small sample grid."""
    from PIL import Image

    path = folder / "step-00000004.png"
    Image.new("RGB", (16, 16), (200, 60, 20)).save(path)
    return path
