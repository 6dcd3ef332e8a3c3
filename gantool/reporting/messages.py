"""Short texts for the person at the terminal: errors, warnings, and what a run has left."""

from __future__ import annotations

import logging
import os
import shlex
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from typing_extensions import override

from gantool.errors import GantoolError, Interrupted
from gantool.reporting.streams import is_live
from gantool.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from gantool.reporting.streams import Level
    from gantool.runs.folder import RunFolder

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


def say(
    console: Console,
    *parts: str | tuple[str, str],
    styles: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Print a paragraph: wrapped between words on a terminal, never broken or cut off one.

    Args:
        console: Where to print.
        parts: Plain text, or text and its style.
        styles: Further styles, by the regular expression of what has them.
    """
    from rich.text import Text

    styled = ((part, "") if isinstance(part, str) else part for part in parts)
    paragraph = Text.assemble(*((visible(text), style) for text, style in styled))
    for pattern, style in styles.items():
        paragraph.highlight_regex(pattern, style)
    console.print(paragraph, soft_wrap=not is_live(console))


def show_error(error: GantoolError, console: Console) -> None:
    """Show a failure and the way out; a run stopped by a signal is no failure, and says so."""
    word = "stopped:" if isinstance(error, Interrupted) else "error:"
    text = error.message if error.message.startswith(word) else f"{word} {error.message}"
    text += "" if error.hint is None else f"\nhint: {error.hint}"
    say(console, text, styles=MARKS)


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
    """Shows each warning or error once.

    Args:
        console: Where to show them.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(logging.WARNING)
        self._console = console
        self._shown: set[str] = set()

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Show the record's message, unless it has been shown."""
        message = record.getMessage()
        if message in self._shown:
            return
        self._shown.add(message)
        style = WARNING_STYLE if record.levelno < logging.ERROR else ERROR_STYLE
        say(self._console, (f"{record.levelname.lower()}:", style), f" {message}")


def show_outcome(
    folder: RunFolder,
    outcome: Literal["completed", "stopped"],
    step: int,
    console: Console,
    level: Level = "normal",
) -> None:
    """Say where the results of a run are, and what can be done next.

    Args:
        folder: The run's folder.
        outcome: Whether the run reached its end.
        step: Steps that it has completed.
        console: Where to print.
        level: "quiet" leaves the paths and drops the rest.
    """
    grids = folder.sample_grids()
    made = [("run", folder.path), *(("samples", grid) for _, grid in grids[-1:])]
    made += [("curves", folder.curves)] if folder.curves.is_file() else []
    made += [("report", folder.report)] if folder.report.is_file() else []
    if level != "quiet":
        say(console)
        if scores := _last_scores(folder, step):
            say(console, ("scores   ", "bold"), scores)
    for label, path in made:
        say(console, (f"{label:<9}", "bold"), _nearby(path))
    if level != "quiet":
        say(console, "\n", ("next", "bold"))
        for command, purpose in _next_commands(folder, outcome, step):
            say(console, (f"  {command}", "cyan"), (f"   {purpose}", "dim"))


def _last_scores(folder: RunFolder, step: int) -> str:
    """Return what the recipe's metrics said of a step, in a line; nothing where they did not."""
    from gantool.reporting.figures import scores_in_words
    from gantool.runs.records import JsonLines

    *_, last = {}, *JsonLines(folder.scores).read()
    known = {name: value for name, value in last.items() if isinstance(value, float)}
    return scores_in_words(known) if last.get("step") == step else ""


def _next_commands(folder: RunFolder, outcome: str, step: int) -> Iterator[tuple[str, str]]:
    """Yield commands that make sense now, each with its purpose."""
    run = shlex.quote(_nearby(folder.path))
    yield f"gantool sample {run}", "draw new pictures"
    if outcome == "completed":
        yield f"gantool resume {run} --steps {2 * step}", "train further"
    else:
        yield f"gantool resume {run}", f"go on from step {step:,}"


def _nearby(path: Path) -> str:
    """Return the path as seen from the working folder, if it is in there."""
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else path)
