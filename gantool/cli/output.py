"""Output of commands: results on stdout, as tables or records, and failures on stderr."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from rich.text import Text

    from gantool.errors import GantoolError

Cell = str | tuple[str, str]
"""Text of a table on a terminal, or text and its style."""

FAILURE_STYLE = "red"
STYLES: Mapping[str, str] = {"failure": FAILURE_STYLE, "state": "yellow"}
"""Styles of columns that want attention, by their name."""
HEADER_STYLE = "bold"
NAME_STYLE = "cyan"


def styled(text: str, **style: Any) -> str:
    """Return styled text; Typer's echo takes the styles away where stdout is no terminal."""
    return text if os.environ.get("NO_COLOR") else typer.style(text, **style)


def print_json(value: Any) -> None:
    """Print plain data as JSON; paths become text."""
    import json

    print(json.dumps(value, indent=2, default=str))


def print_result(path: Path) -> None:
    """Print where the result is, for a program; a person has been told on stderr."""
    from gantool.runs.folder import is_first

    if is_first() and not sys.stdout.isatty():
        print_lines([path])


def print_lines(lines: Iterable[object]) -> None:
    """Print one thing a line: for a program as it is, on a terminal with nothing to steer it."""
    from gantool.text import visible

    terminal = sys.stdout.isatty()
    for line in lines:
        print(visible(str(line)) if terminal else line)


def understood(error: Exception) -> GantoolError | None:
    """Return the failure that an exception means to a user; None if it is a bug."""
    from gantool.errors import DiskError, GantoolError
    from gantool.files.disk import FAULTS, in_words, is_fault
    from gantool.registry.calling import blamed

    if isinstance(error, GantoolError):
        return error
    failure: GantoolError | None = blamed(error)
    if isinstance(error, OSError) and (failure is None or error.errno in FAULTS):
        failure = DiskError(in_words(error)) if is_fault(error) else failure
    if failure is not None:
        failure.__cause__ = error
    return failure


def show_failure(error: GantoolError) -> None:
    """Show what was expected, what was found, and the way out."""
    import logging
    import traceback

    from gantool.errors import DeviceMemoryError, DiskError
    from gantool.reporting.console.messages import open_console, show_error
    from gantool.runs.folder import is_first

    if not is_first() and not isinstance(error, DeviceMemoryError | DiskError):
        return  # all processes meet the same, and the first one says so
    console = open_console()
    if logging.getLogger("gantool").isEnabledFor(logging.DEBUG):
        traceback.print_exception(error)
    show_error(error, console)


def show_bug(error: Exception) -> None:
    """Show the traceback of what should not have happened, and what to do with it."""
    import traceback

    from gantool.reporting.console.messages import ERROR_STYLE, open_console, say

    traceback.print_exception(error)
    request = "please report it, with the lines above and the output of: gantool environment"
    say(open_console(), ("error:", ERROR_STYLE), f" this is a bug in gantool; {request}")


def tell(text: str, *, ends_line: bool = True) -> None:
    """Tell a person something on stderr, whatever names from outside it holds."""
    from gantool.text import visible

    typer.echo(visible(text), nl=ends_line, err=True)


def print_listing(
    columns: Sequence[str],
    records: Sequence[Sequence[object]],
    shown: Sequence[Sequence[Cell]] | None = None,
) -> None:
    """Print a table on a terminal, and elsewhere one record a line, never cut.

    `shown` is the same as a person likes to read it; by default the records' own values.
    """
    if sys.stdout.isatty():
        plain = [[str(value) for value in record] for record in records]
        _print_table(columns, plain if shown is None else shown)
    else:
        print_records(records)


def print_records(records: Iterable[Sequence[object]]) -> None:
    """Print one record a line, its values between tabs."""
    print_lines("\t".join(map(one_line, record)) for record in records)


def one_line(value: object) -> str:
    """Return a value as text without tabs, line ends and whatever could steer a terminal."""
    from gantool.text import visible

    return visible(" ".join(str(value).split()))


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print the columns that hold anything."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=HEADER_STYLE)
    filled = [index for index in range(len(columns)) if any(row[index] for row in rows)]
    for index in filled:
        style = STYLES.get(columns[index], "" if index else NAME_STYLE)
        table.add_column(columns[index], style=style, overflow="fold", no_wrap=not index)
    for row in rows:
        table.add_row(*(_text(row[index]) for index in filled))
    if rows:
        Console().print(table)


def _text(cell: Cell) -> Text:
    from rich.text import Text

    from gantool.text import visible

    text, style = (cell, "") if isinstance(cell, str) else cell
    return Text(visible(text), style)
