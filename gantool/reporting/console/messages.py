"""The console on stderr, and the messages that every command writes there."""

from __future__ import annotations

import errno
import logging
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, TextIO, cast

from typing_extensions import override

from gantool.errors import GantoolError, Interrupted
from gantool.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from gantool.runs.scores import Evaluation

Level = Literal["quiet", "normal", "verbose"]
"""How much is shown: warnings, errors and final paths only; progress; every record as a line."""
READER_GONE = frozenset({errno.EPIPE, errno.EIO})
"""A pipe that nobody reads any more; a terminal that was closed."""
LOGGER = "gantool"
ERROR_STYLE = "bold red"
WARNING_STYLE = "bold yellow"
MARKS = {
    r"(?m)^error:": ERROR_STYLE,
    r"(?m)^stopped:": WARNING_STYLE,
    r"(?m)^hint:": "bold cyan",
    r"(?m)(?<=\| ) *\^+.*$": "bold cyan",
}
"""Styles of the words that an error message is read by, and of a caret below a recipe's line."""


class LastingStream:
    """A text stream that goes silent, and raises nothing, once its reader is gone.

    Ctrl-C in `gantool run ... 2>&1 | tee log` kills `tee` first. The run is still to be saved then,
    so a broken pipe, or a terminal that was closed, must not stop it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write the text, if somebody still reads it."""
        with self._given_up_if_gone():
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written, if somebody still reads it."""
        with self._given_up_if_gone():
            self._stream.flush()

    @contextmanager
    def _given_up_if_gone(self) -> Iterator[None]:
        """Lead the descriptor to nowhere, so that the flush at exit does not fail either.

        A reader that is merely slow, or a disk that is full for a while, costs only this text.
        """
        try:
            yield
        except OSError as error:
            if error.errno not in READER_GONE:
                return
            with suppress(OSError):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self._stream.fileno())
                os.close(nowhere)


def replace_closed_streams() -> None:
    """Lead standard streams that the caller has closed to nowhere.

    Their descriptors are taken first: else the next file that is opened, a checkpoint perhaps,
    would get one of them, and with it whatever a library prints.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (taken := os.open(os.devnull, os.O_RDWR)) < 3:
        pass  # it stands in for a stream now
    os.close(taken)
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115  to the end
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def open_console() -> Console:
    """Return a rich console on stderr; stdout is for data."""
    from rich.console import Console

    return Console(file=cast("TextIO", LastingStream(sys.stderr)))


def is_live(console: Console) -> bool:
    """Return whether what was drawn can be drawn over: a true terminal, not one forced or dumb."""
    return console.is_interactive and not console.is_dumb_terminal and console.file.isatty()


def say(console: Console, *parts: str | tuple[str, str]) -> None:
    """Print a paragraph: wrapped between words on a terminal, never broken or cut off one.

    A part is plain text, or text and its style.
    """
    from rich.text import Text

    styled = ((part, "") if isinstance(part, str) else part for part in parts)
    paragraph = Text.assemble(*((visible(text), style) for text, style in styled))
    console.print(paragraph, soft_wrap=not is_live(console))


def show_error(error: GantoolError, console: Console) -> None:
    """Show a failure and the way out; a run stopped by a signal is no failure, and says so."""
    from rich.text import Text

    word = "stopped:" if isinstance(error, Interrupted) else "error:"
    text = error.message if error.message.startswith(word) else f"{word} {error.message}"
    text += "" if error.hint is None else f"\nhint: {error.hint}"
    paragraph = Text(visible(text))
    for pattern, style in MARKS.items():
        paragraph.highlight_regex(pattern, style)
    console.print(paragraph, soft_wrap=not is_live(console))


@contextmanager
def show_warnings(console: Console) -> Iterator[None]:
    """Show what the "gantool" logger and those below it warn of, each message once."""
    logger = logging.getLogger(LOGGER)
    if any(isinstance(handler, WarningsHandler) for handler in logger.handlers):
        yield  # a caller shows them already
        return
    handler = WarningsHandler(console)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class WarningsHandler(logging.Handler):
    """Shows each warning or error once."""

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console
        self._shown: set[str] = set()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message in self._shown:
            return
        self._shown.add(message)
        style = WARNING_STYLE if record.levelno < logging.ERROR else ERROR_STYLE
        say(self._console, (f"{record.levelname.lower()}:", style), f" {message}")


def show_protocol(evaluation: Evaluation, console: Console) -> None:
    """Say how scores were obtained, and what they give reason to say."""
    from gantool.reporting.figures import protocol_lines

    names = [score.name for score in evaluation.scores]
    for line in protocol_lines(evaluation.step, evaluation.protocol, names):
        say(console, (line, "dim"))
    for remark in evaluation.remarks:
        say(console, ("note:", WARNING_STYLE), f" {remark}")
