"""Several processes on one run: torchrun starts them, the first does what is done once."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import DiskError, UsageError
from gantool.files.durable import make_folder
from gantool.files.plain import Anchor
from gantool.launch.keeping import disk_faults_named
from gantool.runs.environment import are_on_one_machine, is_first, is_restarted, job
from gantool.runs.folder import RUNS, RunFolder, list_runs, take_folder
from gantool.runs.status import hold, let_go, read_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from gantool.interfaces.loss import Loss
    from gantool.interfaces.regularizer import Regularizer
    from gantool.recipe.schema import Recipe
    from gantool.training.device.ranks import Ranks


WAY_OUT = "name one that can be written with --out FOLDER"


@contextmanager
def joined(plan: Recipe) -> Iterator[Ranks]:
    """Train together with the other processes inside the context, if there are any."""
    from gantool.training.device.ranks import join, leave

    ranks = join(plan.tables.device)
    tell_of_division(plan, ranks)
    yield ranks
    leave()  # one that failed does not wait for the others; torchrun ends them


def tell_of_division(plan: Recipe, ranks: Ranks) -> None:
    """Warn of what compares the images of a batch with each other, where a batch is divided."""
    if ranks.count == 1:
        return
    parts: list[Loss | Regularizer] = [plan.loss, *plan.regularizers]
    for component in parts:
        if component.couples_batch is True:  # and not of slices alone
            logging.getLogger("gantool").warning(
                "%s '%s' compares images with the whole batch, but sees those of one of %d "
                "processes at once",
                component.kind,
                component.name,
                ranks.count,
            )


@contextmanager
def taken(out: Path | None, recipe: str, ranks: Ranks) -> Iterator[RunFolder]:
    """Take the folder of a new run, of which the first process is the holder.

    From now on nobody else can have it. Where no run begins in it, it is free again afterwards.

    Args:
        out: The run folder, if one was given; else it is `runs/<recipe>-<date>-<n>`.
        recipe: Name of the recipe.
        ranks: The processes that train together.

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
    """Return the folder, which then exists, and whether nobody but this process can have made it.

    Raises:
        UsageError: When there is a run in it already.
        DiskError: When it cannot be made.
    """
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
    """Refuse a folder that holds a run.

    Raises:
        UsageError: When it does.
    """
    if folder.exists():
        way_out = f"go on with: gantool resume {folder.path}"
        raise UsageError(f"{folder.path} holds a run already", way_out)


def held(folder: RunFolder) -> AbstractContextManager[None]:
    """Keep other runs out of a folder, of which the first process is the holder."""
    return hold(folder) if is_first() else nullcontext()


def begun(out: Path | None) -> RunFolder | None:
    """Return the run that the processes had begun before torchrun started them again.

    Args:
        out: The run folder, if one was given.

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
