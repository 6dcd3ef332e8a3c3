"""Several processes on one run: torchrun starts them, the first does what is done once."""

from __future__ import annotations

import logging
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.runs.folder import RUNS, RunFolder, list_runs
from gantool.runs.lock import hold
from gantool.runs.processes import are_on_one_machine, is_first, is_restarted, job
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from gantool.interfaces.loss import Loss
    from gantool.interfaces.regularizer import Regularizer
    from gantool.recipe.schema import Recipe
    from gantool.training.parallel import Ranks


@contextmanager
def joined(plan: Recipe) -> Iterator[Ranks]:
    """Train together with the other processes inside the context, if there are any."""
    from gantool.training.parallel import join, leave

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
