"""The display of a command while it works, and what it hands back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gantool.runs.environment import is_first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.runs.folder import RunFolder


@contextmanager
def shown() -> Iterator[Console]:
    """Open the console and show warnings on it; of several processes, only the first speaks."""
    from gantool.reporting.console.messages import open_console, show_warnings

    console = open_console()
    console.quiet = not is_first()
    with show_warnings(console):
        yield console


def opened(folder: RunFolder) -> TrainedRun:
    """Return a run, ready to draw samples from."""
    from gantool.evaluation.sampling.trained import TrainedRun

    return TrainedRun(folder)
