"""Causes, which tell one failure from another."""

from __future__ import annotations

import traceback
from pathlib import Path

from gantool.testing.claims import BrokenPromise


def root_of(error: BaseException) -> BaseException:
    """Return what an error was raised from in the end."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def place_in(package: str, error: BaseException) -> str | None:
    """Return the innermost line of a package that an error went through, as "plugin.py:31"."""
    place = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__", "").partition(".")[0] == package:
            place = f"{Path(frame.f_code.co_filename).name}:{line}"
    return place


def cause_of(error: BaseException, package: str) -> str:
    """Return what is the same for all checks of a plugin that fail for one reason.

    That is the finding itself or, of an error in the plugin's package, its type and place.
    """
    root = root_of(error)
    if isinstance(root, BrokenPromise) and root.cause:
        return root.cause
    place = None if isinstance(root, BrokenPromise) else place_in(package, root)
    return f"{type(root).__name__}: {root}" if place is None else f"{type(root).__name__}, {place}"
