"""The recipe's loggers: told of everything, able to harm nothing."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from typing_extensions import override

from gantool.errors import MissingExtraError, UsageError
from gantool.files.disk import written_aside
from gantool.registry.calling import owner_of
from gantool.registry.plugin import working_folder_kept
from gantool.runs.documents import Step, read_document
from gantool.text import numbered
from gantool.training.observers import Observer, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from gantool.interfaces.logger import Logger, RunDescription

log = logging.getLogger("gantool")

What = Literal["scalars", "images"]
SCORE = "score/"
"""What the names of scores begin with, among the figures that loggers are sent."""


def require_packages(loggers: Iterable[Logger]) -> None:
    """Refuse to begin where the package of a logger is missing, unless it is optional.

    Raises:
        MissingExtraError: When one is.
    """
    for logger in loggers:
        try:
            with redirect_stdout(sys.stderr), working_folder_kept():
                logger.check()
        except (ImportError, MissingExtraError) as error:
            if not logger.optional:
                _refuse_missing(logger, error)
        except Exception:  # whatever else is wrong with it is reported when it starts
            log.debug("logger '%s' could not be checked", logger.name, exc_info=True)


def _refuse_missing(logger: Logger, error: MissingExtraError | ImportError) -> NoReturn:
    """Raise for a package that is missing, with the way to begin without the logger."""
    without = "or go on without it where it is missing: set optional = true in its table"
    if isinstance(error, MissingExtraError):
        message, install = error.message, error.hint or "install it"
    else:
        message = f"{owner_of(logger).title} needs a package that cannot be imported: {error}"
        install = f"install {error.name or 'it'}"
    raise MissingExtraError(message, f"{install}; {without}") from error


class LoggersObserver(Observer):
    """Hands figures, scores and pictures to loggers; what one of them raises is reported once.

    A logger that could not start is left alone; one that failed later is tried again, since a
    network may come back. Where training goes back to a checkpoint, a logger either drops what
    came later and is sent it anew, or is sent nothing until training is past that.

    Scores go with the figures of their step, by one call; where nothing is logged at that step,
    by themselves, before anything of a later step. `sent` is what earlier processes sent: a killed
    one has sent more than its last checkpoint knows of.
    """

    def __init__(
        self, loggers: Iterable[Logger], run: RunDescription, sent: SentSteps | None = None
    ) -> None:
        waiting = list(loggers)
        names = numbered(logger.name for logger in waiting)
        self._waiting = dict(zip(names, waiting, strict=True))
        self._active: dict[str, Logger] = {}
        self._run = run
        self._sent = SentSteps() if sent is None else sent
        self._reported: set[int] = set()
        self._scores: tuple[int, dict[str, float]] | None = None

    def start(self) -> None:
        """Start every logger.

        Raises:
            MissingExtraError: When the package of one is missing that is not optional.
        """
        waiting, self._waiting = self._waiting, {}
        for name, logger in waiting.items():
            run = replace(self._run, sent_until=self._sent.last(name))
            if self._try(logger, logger.start, run) is not False:
                self._active[name] = logger

    @override
    def restored(self, step: int, memory: Mapping[str, Any]) -> None:
        """Let the loggers drop what has not happened, if they can."""
        if self._scores is not None and self._scores[0] > step:
            self._scores = None
        for name, logger in self._active.items():
            sent = self._sent.last(name)
            if sent is None or sent <= step:
                continue
            if self._try(logger, logger.rewind, step) is True:
                self._sent.rewind(name, step)

    @override
    def after_step(self, step: int) -> None:
        """Hand on scores of earlier steps that had no figures."""
        self._send_scores_before(step)

    @override
    def at_log(self, record: Record) -> None:
        """Hand the figures on, to those who have none of the step."""
        self._send_scores_before(record.step)
        scores = {} if self._scores is None else self._scores[1]
        self._scores = None
        self._send("scalars", record.step, {**record.values, **scores})

    @override
    def memory(self) -> Mapping[str, Any]:
        """Hand on the scores of the step that is about to be saved: they do not come again."""
        self._send_scores_before(None)
        return {}

    def scores(self, step: int, values: Mapping[str, float]) -> None:
        """Take scores of the step, by name, to be handed on with its figures."""
        self._send_scores_before(step)
        self._scores = step, {f"{SCORE}{name}": value for name, value in values.items()}

    def images(self, step: int, path: Path) -> None:
        """Hand on a picture of the step, to those who have none of it."""
        self._send_scores_before(step)
        self._send("images", step, path)

    def finish(self, outcome: str) -> None:
        """Let the loggers close: the run has "completed", was "stopped" or has "failed"."""
        self._send_scores_before(None)
        for logger in self._active.values():
            self._try(logger, logger.finish, outcome)
        self._active = {}

    def _send_scores_before(self, step: int | None) -> None:
        """Hand on scores that wait for figures of a step which is over; None: none will come."""
        if self._scores is not None and (step is None or self._scores[0] < step):
            scored, self._scores = self._scores, None
            self._send("scalars", *scored)

    def _send(self, what: What, step: int, content: Any) -> None:
        for name, logger in self._active.items():
            sent = self._sent.last(name, what)
            if sent is None or step > sent:
                self._sent.note(name, what, step)
                self._try(logger, getattr(logger, what), step, content)

    def _try(self, logger: Logger, call: Callable[..., object], *arguments: Any) -> object:
        """Make a call and return what it returns, or False where it failed.

        Raises:
            MissingExtraError: When a package is missing while it starts, unless it is optional.
        """
        try:
            with redirect_stdout(sys.stderr), working_folder_kept():  # stdout is data
                return call(*arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a logger may fail in any way: asyncio's cancellation too
            is_fatal = logger.start == call and not logger.optional
            if is_fatal and isinstance(error, ImportError | MissingExtraError):
                self.finish("failed")  # the run does not begin: the others close
                _refuse_missing(logger, error)
            if id(logger) not in self._reported:
                self._reported.add(id(logger))
                log.warning("logger '%s' failed: %s: %s", logger.name, type(error).__name__, error)
            return False


class SentSteps:
    """The last steps of which loggers were sent figures and pictures.

    A step is noted before it is sent: a process that is killed in between costs a logger that
    cannot rewind one record, and no record comes twice. Without a path they are kept in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._steps = {} if path is None else _read(path)

    def last(self, logger: str, *what: What) -> int | None:
        """Return the last step of which a logger was sent something of the kinds named, or any."""
        steps = self._steps.get(logger, {})
        return max((step for kind, step in steps.items() if not what or kind in what), default=None)

    def note(self, logger: str, what: What, step: int) -> None:
        """Take note of a step that is about to be sent."""
        self._steps.setdefault(logger, {})[what] = step
        self._write()

    def rewind(self, logger: str, step: int) -> None:
        """Forget the steps after `step`, which the logger has dropped."""
        steps = self._steps[logger]
        self._steps[logger] = {what: min(sent, step) for what, sent in steps.items()}
        self._write()

    def _write(self) -> None:
        if self._path is None:
            return
        try:
            with written_aside(self._path, durably=False) as aside:
                aside.write_text(json.dumps(self._steps) + "\n", encoding="utf-8")
        except OSError as error:
            log.warning("%s could not be written: %s", self._path.name, error.strerror or error)


def _read(path: Path) -> dict[str, dict[str, int]]:
    """Return the steps by logger and kind; none where the file is missing or damaged."""
    if not path.exists():
        return {}
    try:
        noted: dict[str, dict[str, int]] = read_document(path, dict[str, dict[What, Step]])
    except UsageError as error:
        log.warning("%s", error)
        return {}
    return noted
