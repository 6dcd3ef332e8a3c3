"""The recipe's loggers: told of everything, able to harm nothing."""

from __future__ import annotations

import logging
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from gantool.reporting.sent import SentSteps
from gantool.training.observers import Observer, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from gantool.interfaces.logger import Logger, RunDescription
    from gantool.reporting.sent import What

log = logging.getLogger("gantool")


class LoggersObserver(Observer):
    """Hands figures and pictures to loggers; what one of them raises is reported once.

    A logger that could not start is left alone; one that failed later is tried again, since a
    network may come back. Where training goes back to a checkpoint, a logger either drops what
    came later and is sent it anew, or is sent nothing until training is past that.

    Args:
        loggers: Those of the recipe.
        run: What they are told of the run.
        sent: What earlier processes sent. A process that was killed has sent more than its last
            checkpoint knows of.
    """

    def __init__(
        self, loggers: Iterable[Logger], run: RunDescription, sent: SentSteps | None = None
    ) -> None:
        self._waiting = _by_name(loggers)
        self._active: dict[str, Logger] = {}
        self._run = run
        self._sent = SentSteps() if sent is None else sent
        self._reported: set[int] = set()

    def start(self) -> None:
        """Start every logger."""
        waiting, self._waiting = self._waiting, {}
        for name, logger in waiting.items():
            run = replace(self._run, sent_until=self._sent.last(name))
            if self._try(logger, logger.start, run) is not False:
                self._active[name] = logger

    @override
    def restored(self, step: int, memory: Mapping[str, Any]) -> None:
        """Let the loggers drop what has not happened, if they can."""
        for name, logger in self._active.items():
            sent = self._sent.last(name)
            if sent is None or sent <= step:
                continue
            if self._try(logger, logger.rewind, step) is True:
                self._sent.rewind(name, step)

    @override
    def at_log(self, record: Record) -> None:
        """Hand the figures on, to those who have none of the step."""
        self._send("scalars", record.step, record.values)

    def images(self, step: int, path: Path) -> None:
        """Hand on a picture of the step, to those who have none of it."""
        self._send("images", step, path)

    def finish(self, outcome: str) -> None:
        """Let the loggers close: the run has "completed", was "stopped" or has "failed"."""
        for logger in self._active.values():
            self._try(logger, logger.finish, outcome)
        self._active = {}

    def _send(self, what: What, step: int, content: Any) -> None:
        for name, logger in self._active.items():
            sent = self._sent.last(name, what)
            if sent is None or step > sent:
                self._sent.note(name, what, step)
                self._try(logger, getattr(logger, what), step, content)

    def _try(self, logger: Logger, call: Callable[..., object], *arguments: Any) -> object:
        """Make a call and return what it returns, or False where it failed."""
        try:
            with redirect_stdout(sys.stderr):  # stdout is data; a logger's prints are not
                return call(*arguments)
        except (Exception, SystemExit) as error:  # a logger may fail in any way
            self._report(logger, error)
            return False

    def _report(self, logger: Logger, error: BaseException) -> None:
        if id(logger) not in self._reported:
            self._reported.add(id(logger))
            log.warning("logger '%s' failed: %s: %s", logger.name, type(error).__name__, error)


def _by_name(loggers: Iterable[Logger]) -> dict[str, Logger]:
    """Return loggers by name, with its occurrence from the second one on: "csv", "csv-2"."""
    named: dict[str, Logger] = {}
    occurrences: dict[str, int] = {}
    for logger in loggers:
        occurrences[logger.name] = number = occurrences.get(logger.name, 0) + 1
        named[logger.name if number == 1 else f"{logger.name}-{number}"] = logger
    return named
