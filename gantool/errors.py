"""Every error that gantool raises on purpose, each with the exit code that the command line gives.

* GantoolError                 1
  + UsageError                 2   wrong usage: an argument, a run that cannot be used so
    - RecipeError              2   one or more problems in a recipe, each with its place
    - PluginError              2   a plugin that is missing, broken or breaks its interface
    - MissingExtraError        2   an optional dependency is not installed
  + DataError                  3   images missing, unreadable or unlabeled
  + DivergedError              4   training produced NaN or infinity, or leads nowhere
  + DeviceMemoryError          5   the device ran out of memory
  + DiskError                  6   the disk is full or not writable
  + Interrupted                130 or 143, stopped by a signal after saving
"""

from __future__ import annotations

from typing import Any


class GantoolError(Exception):
    """A failure with a message for the user.

    Args:
        message: What was expected and what was found, in one sentence.
        hint: The way out, if there is one to offer.

    Attributes:
        exit_code: What the command line exits with.
    """

    exit_code: int = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"


class UsageError(GantoolError):
    """The command was given something it cannot use."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe has problems; the message holds all of them, sorted by place.

    Args:
        message: Every problem with its line and a caret, ready to print; or one plain sentence.
        hint: The way out of a single problem that has no place.
        problems: The same as data, each a `Problem` of the recipe; empty for one plain sentence.
    """

    def __init__(
        self, message: str, hint: str | None = None, *, problems: tuple[Any, ...] = ()
    ) -> None:
        super().__init__(message, hint)
        self.problems = problems


class PluginError(UsageError):
    """A plugin is missing or broken, or breaks the interface it implements."""


class MissingExtraError(UsageError):
    """An optional dependency is needed and not installed."""


class DataError(GantoolError):
    """Images are missing, unreadable or unlabeled."""

    exit_code = 3


class DivergedError(GantoolError):
    """Training produced NaN or infinity, or leads nowhere.

    Args:
        message: What was noticed, and when.
        hint: The way out, if there is one to offer.
        step: The step by which something was not finite, if that is what happened.
        figures: Names of the figures, or places in the state, that were not finite.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        *,
        step: int | None = None,
        figures: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, hint)
        self.step = step
        self.figures = figures


class DeviceMemoryError(GantoolError):
    """The device ran out of memory."""

    exit_code = 5


class DiskError(GantoolError):
    """The disk is full, failing or not writable."""

    exit_code = 6


class Interrupted(GantoolError):  # noqa: N818  a request that was honored, not a fault
    """A signal stopped the run, which has been saved.

    Args:
        message: What was saved, and where.
        hint: The command that goes on.
        signal_number: 2 (SIGINT) or 15 (SIGTERM); the exit code is 128 more.
    """

    def __init__(self, message: str, hint: str | None = None, *, signal_number: int) -> None:
        super().__init__(message, hint)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number  # the shell's convention
