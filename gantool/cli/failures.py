"""Messages on stderr when a command fails."""

from __future__ import annotations

import logging
import traceback

from gantool.errors import DeviceMemoryError, DiskError, GantoolError
from gantool.files.disk import FAULTS, in_words, is_fault
from gantool.registry.calling import blamed
from gantool.runs.environment import is_first

LOGGER = logging.getLogger("gantool")

OF_ONE_PROCESS = (DeviceMemoryError, DiskError)
"""Failures that one of several processes may meet by itself."""


def understood(error: Exception) -> GantoolError | None:
    """Return the failure that an exception means to a user; None if it is a bug."""
    if isinstance(error, GantoolError):
        return error
    failure: GantoolError | None = blamed(error)
    if (
        isinstance(error, OSError)
        and (failure is None or error.errno in FAULTS)
        and is_fault(error)
    ):
        failure = DiskError(in_words(error))
    if failure is not None:
        failure.__cause__ = error
    return failure


def show_failure(error: GantoolError) -> None:
    """Show what was expected, what was found, and the way out."""
    from gantool.reporting.console.messages import open_console, show_error

    if not is_first() and not isinstance(error, OF_ONE_PROCESS):
        return  # all processes meet the same, and the first one says so
    console = open_console()
    if LOGGER.isEnabledFor(logging.DEBUG):
        traceback.print_exception(error)
    show_error(error, console)


def show_bug(error: Exception) -> None:
    """Show the traceback of what should not have happened, and what to do with it."""
    from gantool.reporting.console.messages import ERROR_STYLE, open_console, say

    traceback.print_exception(error)
    request = "please report it, with the lines above and the output of: gantool environment"
    say(open_console(), ("error:", ERROR_STYLE), f" this is a bug in gantool; {request}")
