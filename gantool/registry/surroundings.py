"""Protection of the process around a plugin's code: its working folder, and its life."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from threading import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DISABLED = "GANTOOL_DISABLE_PLUGINS"
"""The environment variable that names plugins to leave out."""
SLOW_SECONDS = 5.0
"""After which a person is told which plugin is being imported."""


@contextmanager
def named_if_slow(name: str) -> Iterator[None]:
    """Say on stderr which plugin is being imported, if that takes long: it may never end."""

    def tell() -> None:
        print(
            f"gantool: plugin '{name}' is still being imported after {SLOW_SECONDS:.0f} s; "
            f"to do without it: {DISABLED}={name}",
            file=sys.stderr,
            flush=True,
        )

    timer = Timer(SLOW_SECONDS, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def working_folder_kept() -> Iterator[None]:
    """Come back to the working folder: a run's paths may be relative to it."""
    before = working_folder()
    try:
        yield
    finally:
        if before is not None and working_folder() != before:
            with suppress(OSError):  # it was removed, too
                os.chdir(before)


def working_folder() -> str | None:
    """Return where this process works; None where that folder is gone."""
    try:
        return os.getcwd()
    except OSError:
        return None
