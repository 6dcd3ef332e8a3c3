"""The folder of a run that is trained: taken, held, watched, its disk's faults named."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from gantool.errors import DiskError, GantoolError, UsageError
from gantool.files.disk import in_words, is_fault, make_folder
from gantool.files.plain import Anchor
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.folder import (
    RUNS,
    RunFolder,
    are_on_one_machine,
    is_first,
    is_restarted,
    job,
    list_runs,
    take_folder,
)
from gantool.runs.status import hold, let_go, read_status
from gantool.training.observers import Observer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from gantool.interfaces.loss import Loss
    from gantool.interfaces.regularizer import Regularizer
    from gantool.recipe.schema import Recipe
    from gantool.training.device.ranks import Ranks

WAY_OUT = "name one that can be written with --out FOLDER"


class FolderGoneError(DiskError):
    """A run's folder was renamed or deleted while the run was trained."""


class Whereabouts(Observer):
    """Looks after every step whether the run's folder is where it was, before others write."""

    def __init__(self, folder: RunFolder, anchor: Anchor) -> None:
        self._folder, self._anchor = folder, anchor

    @override
    def after_step(self, step: int) -> None:
        self._look()

    @override
    def memory(self) -> Mapping[str, Any]:
        self._look()
        return {}

    def _look(self) -> None:
        """Raise once something else, or nothing, is in its place."""
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
    """Turn a file system's fault into a DiskError that names the file, and what is safe."""
    try:
        yield
    except OSError as error:
        if not is_fault(error) or not _concerns(folder, error):
            raise
        message = f"run {folder.path} could not be written: {in_words(error)}"
        way_out = f"{_safe_in(folder.path)}: gantool resume {folder.path}"
        raise DiskError(message, way_out) from error


def _concerns(folder: RunFolder, error: OSError) -> bool:
    """Whether it is about a file of the run, or about one without a name."""
    if error.filename is None:
        return True
    return Path(os.fsdecode(error.filename)).is_relative_to(folder.path)


def _safe_in(folder: Path) -> str:
    """Return in words what a run can go on from."""
    try:
        checkpoint, _ = Checkpoints(RunFolder(folder).checkpoints, "").newest()
    except (OSError, GantoolError):
        return "when its disk can be read again, go on with"
    if checkpoint is None:
        return "no checkpoint was saved; when it can be written again, begin with"
    return f"its checkpoint of step {checkpoint.step} is intact; go on from there with"


@contextmanager
def joined(recipe: Recipe) -> Iterator[Ranks]:
    """Train together with the other processes inside the context, if there are any."""
    from gantool.training.device.ranks import join, leave

    ranks = join(recipe.tables.device)
    tell_of_division(recipe, ranks)
    yield ranks
    leave()  # one that failed does not wait for the others; torchrun ends them


def tell_of_division(recipe: Recipe, ranks: Ranks) -> None:
    """Warn of what compares the images of a batch with each other, where a batch is divided."""
    if ranks.count == 1:
        return
    parts: list[Loss | Regularizer] = [recipe.loss, *recipe.regularizers]
    for part in parts:
        if part.couples_batch is True:  # and not of slices alone
            what = "compares images with the whole batch, but sees those of one of"
            line = f"{part.kind} '{part.name}' {what} {ranks.count} processes at once"
            logging.getLogger("gantool").warning(line)


@contextmanager
def taken(out: Path | None, recipe: str, ranks: Ranks) -> Iterator[RunFolder]:
    """Take the folder of a new run, of which the first process is the holder.

    From now on nobody else can have it. Where no run begins in it, it is free again afterwards.

    Raises:
        UsageError: When there is a run in it already, or another process holds it.
        DiskError: When it cannot be made or written to.
    """
    with _taken_alone(out, recipe) if is_first() else nullcontext() as folder:
        place = ranks.share_text("" if folder is None else str(folder.path))
        yield RunFolder(Path(place))


@contextmanager
def _taken_alone(out: Path | None, recipe: str) -> Iterator[RunFolder]:
    folder, is_new = _made(out, recipe)
    with ExitStack() as held:
        try:
            held.enter_context(hold(folder))
            anchor = held.enter_context(Anchor(folder.path))
        except (DiskError, OSError):
            if is_new:
                with suppress(OSError):
                    let_go(folder, is_new=True)
            raise
        try:
            _refuse_second(folder)
            with disk_faults_named(folder):
                yield folder
        finally:
            if not folder.exists() and not anchor.has_moved():
                with suppress(OSError):  # something else is in it, and stays
                    let_go(folder, is_new=is_new)


def _made(out: Path | None, recipe: str) -> tuple[RunFolder, bool]:
    """Return the folder, which then exists, and whether this process alone can have made it."""
    try:
        if out is None:
            return take_folder(Path(RUNS), recipe, date.today()), True
        is_new = not out.exists()
        _refuse_second(RunFolder(out))
        make_folder(out)
    except OSError as error:
        raise DiskError(f"the run's folder cannot be made: {error}", WAY_OUT) from error
    return RunFolder(out), is_new


def _refuse_second(folder: RunFolder) -> None:
    """Refuse a folder that holds a run."""
    if folder.exists():
        way_out = f"go on with: gantool resume {folder.path}"
        raise UsageError(f"{folder.path} holds a run already", way_out)


def held(folder: RunFolder) -> AbstractContextManager[None]:
    """Keep other runs out of a folder, of which the first process is the holder."""
    return hold(folder) if is_first() else nullcontext()


def begun_before(out: Path | None) -> RunFolder | None:
    """Return the run that the processes had begun before torchrun started them again.

    Raises:
        UsageError: When processes on other machines would have to guess which it is.
    """
    if not is_restarted():
        return None
    if out is not None:
        folder = RunFolder(out)
        return folder if folder.exists() else None
    if not are_on_one_machine():
        message = "restarted on several machines, which cannot tell which run they had begun"
        raise UsageError(message, "name its folder, on storage that all of them see: --out FOLDER")
    return next((run for run in list_runs(Path(RUNS)) if read_status(run).job == job()), None)
