"""The recipe's loggers: told of everything, able to harm nothing."""

from __future__ import annotations

import logging
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from typing_extensions import override

from gantool.training.observers import Observer, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from gantool.interfaces.logger import Logger, RunDescription

log = logging.getLogger("gantool")


class LoggersObserver(Observer):
    """Hands figures and pictures to loggers; what one of them raises is reported once.

    A logger that could not start is left alone; one that failed later is tried again, since a
    network may come back.

    Args:
        loggers: Those of the recipe.
        run: What they are told of the run.
        sent_until: The last step whose figures earlier processes sent. A process that was killed
            has sent more than its last checkpoint knows of.
    """

    def __init__(
        self, loggers: Iterable[Logger], run: RunDescription, sent_until: int | None = None
    ) -> None:
        self._waiting = tuple(loggers)
        self._active: tuple[Logger, ...] = ()
        self._run = run
        self._sent_until = max(run.resumed_from, sent_until or 0)
        self._reported: set[int] = set()

    def start(self) -> None:
        """Start every logger."""
        waiting, self._waiting = self._waiting, ()
        self._active = tuple(
            logger for logger in waiting if self._try(logger, lambda own: own.start(self._run))
        )

    @override
    def at_log(self, record: Record) -> None:
        """Hand the figures on, unless an earlier process has."""
        if record.step > self._sent_until:
            self._each(lambda logger: logger.scalars(record.step, record.values))

    def images(self, step: int, path: Path) -> None:
        """Hand on a picture of the step, unless an earlier process has."""
        if step > self._sent_until:
            self._each(lambda logger: logger.images(step, path))

    def finish(self, outcome: str) -> None:
        """Let the loggers close: the run has "completed", was "stopped" or has "failed"."""
        self._each(lambda logger: logger.finish(outcome))
        self._active = ()

    def _each(self, call: Callable[[Logger], None]) -> None:
        for logger in self._active:
            self._try(logger, call)

    def _try(self, logger: Logger, call: Callable[[Logger], None]) -> bool:
        """Make a call and return whether it went well."""
        try:
            with redirect_stdout(sys.stderr):  # stdout is data; a logger's prints are not
                call(logger)
        except (Exception, SystemExit) as error:  # a logger may fail in any way
            self._report(logger, error)
            return False
        return True

    def _report(self, logger: Logger, error: BaseException) -> None:
        if id(logger) not in self._reported:
            self._reported.add(id(logger))
            log.warning("logger '%s' failed: %s: %s", logger.name, type(error).__name__, error)
