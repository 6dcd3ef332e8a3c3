"""Dangers to a run's folder while it is trained: a failing disk, another name, removal."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from gantool.errors import DiskError, GantoolError
from gantool.files.disk import in_words, is_fault
from gantool.runs.checkpoints import Checkpoints
from gantool.training.observers import Observer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.files.plain import Anchor
    from gantool.runs.folder import RunFolder


class FolderGoneError(DiskError):
    """A run's folder was renamed or deleted while the run was trained."""


class Whereabouts(Observer):
    """Looks after every step whether the run's folder is where it was, before others write.

    Args:
        folder: The run's.
        anchor: Holds on to it.
    """

    def __init__(self, folder: RunFolder, anchor: Anchor) -> None:
        self._folder = folder
        self._anchor = anchor

    @override
    def after_step(self, step: int) -> None:
        self._look()

    @override
    def memory(self) -> Mapping[str, Any]:
        self._look()
        return {}

    def _look(self) -> None:
        """Raise once it has gone.

        Raises:
            FolderGoneError: When something else, or nothing, is in its place.
        """
        if self._anchor.has_moved():
            message = f"{self._folder.path} was renamed or deleted while the run was trained in it"
            raise FolderGoneError(message, _way_on(self._anchor.place()))


def _way_on(place: Path | None) -> str:
    """Return what can be done with a folder that is elsewhere now, if it is anywhere."""
    if place is None:
        return "nothing is left of it; start anew with: gantool run RECIPE"
    return f"{_safe_in(place)}: gantool resume {place}"


@contextmanager
def disk_faults_named(folder: RunFolder) -> Iterator[None]:
    """Turn a file system's fault into a message that names the file, and what is safe.

    Raises:
        DiskError: In its place.
    """
    try:
        yield
    except OSError as error:
        if not is_fault(error) or not _concerns(folder, error):
            raise
        hint = f"{_safe_in(folder.path)}: gantool resume {folder.path}"
        raise DiskError(
            f"run {folder.path} could not be written: {in_words(error)}", hint
        ) from error


def _concerns(folder: RunFolder, error: OSError) -> bool:
    """Whether it is about a file of the run, or about one without a name."""
    if error.filename is None:
        return True
    return Path(os.fsdecode(error.filename)).is_relative_to(folder.path)


def _safe_in(folder: Path) -> str:
    """Return in words what a run can go on from."""
    from gantool.runs.folder import RunFolder

    try:
        checkpoint, _ = Checkpoints(RunFolder(folder).checkpoints, "").newest()
    except (OSError, GantoolError):
        return "when its disk can be read again, go on with"
    if checkpoint is None:
        return "no checkpoint was saved; when it can be written again, begin with"
    return f"its checkpoint of step {checkpoint.step} is intact; go on from there with"
