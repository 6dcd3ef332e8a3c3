"""One process's work on a run: train, and keep the folder true whatever happens."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gantool.errors import DivergedError, Interrupted
from gantool.files.durable import write_durably, written_aside
from gantool.files.plain import Anchor, make_plain_folder
from gantool.launch.divergence import divergence_noted
from gantool.launch.folder import FolderGoneError, Whereabouts
from gantool.launch.observing import observed, outcome_of
from gantool.launch.session import memory_faults_named
from gantool.recipe.documents import dump
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.environment import is_first
from gantool.runs.status import write_json, write_status
from gantool.text import visible
from gantool.training.stopping import StopSignals, signal_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from gantool.errors import GantoolError
    from gantool.launch.session import Session
    from gantool.recipe.schema import Recipe
    from gantool.reporting.console.messages import Level
    from gantool.runs.folder import RunFolder
    from gantool.runs.status import RunStatus
    from gantool.training.state.saving import Saver
    from gantool.training.trainer import Trainer

log = logging.getLogger("gantool")


def write_beginning(folder: RunFolder, session: Session, status: RunStatus) -> None:
    """Write what is known before the first step; the recipe comes last and makes it a run."""
    make_plain_folder(folder.samples)
    write_status(folder, status)
    note_environment(folder)
    if session.prepared.skipped:
        lines = (
            f"{_one_field(skipped.name)}\t{skipped.reason}\n"
            for skipped in session.prepared.skipped
        )
        with written_aside(folder.skipped) as aside:
            aside.write_text("".join(lines), encoding="utf-8", errors="backslashreplace")
    write_durably(folder.recipe, dump(session.plan.document))


def _one_field(name: str) -> str:
    """Return a file's name with what would break a tab-separated line spelled out."""
    return visible(name).replace("\t", "\\t").replace("\n", "\\n")


def note_environment(folder: RunFolder) -> None:
    """Add this process's machine and packages to those that worked on the run before."""
    from gantool.registry.catalog import installed
    from gantool.runs.environment import describe_environment, read_environments

    now = describe_environment(installed().plugins)
    write_json(folder.environment, [*read_environments(folder), now])


def train(
    session: Session,
    folder: RunFolder,
    status: RunStatus,
    console: Console,
    level: Level,
    *,
    rollbacks_spent: int = 0,
    announce: bool = True,
) -> None:
    """Train to the end or to a stop, observed; keep the status true whatever happens.

    Of several processes, the first one does all that; the others only train.
    """
    trainer = session.trainer
    if not is_first():
        _train_along(session, folder, rollbacks_spent)
        return
    from gantool.reporting.console.run import show_outcome

    if trainer.saver is not None:
        trainer.saver.checkpoints.sweep()  # of what a killed process has left
    write_status(folder, status.at(trainer.step, "running"))
    with _end_noted(session, folder, status):
        _train_observed(session, folder, status, console, level, rollbacks_spent)
    ended = outcome_of(trainer)
    if announce:
        show_outcome(folder, ended, trainer.step, console, level)
    if ended == "stopped":
        raise _reason_of_stop(trainer, folder)


def _train_observed(
    session: Session,
    folder: RunFolder,
    status: RunStatus,
    console: Console,
    level: Level,
    rollbacks_spent: int,
) -> None:
    """Train, with all that looks on, as long as the folder is there."""
    with (
        Anchor(folder.path) as anchor,
        StopSignals() as signals,
        observed(session, folder, status, console, level) as observers,
        divergence_noted(session, folder),
        memory_faults_named(session.plan, session.device, folder),
    ):
        looking_on = [Whereabouts(folder, anchor), *observers, signals]
        session.trainer.train(looking_on, rollbacks_spent=rollbacks_spent)


@contextmanager
def _end_noted(session: Session, folder: RunFolder, status: RunStatus) -> Iterator[None]:
    """Draw the loss curves and write the outcome when training has ended, however it has.

    The outcome comes last: a run that is called completed has all that belongs to it. A second
    Ctrl-C does not wait for curves, and a folder that has gone is left alone.

    Raises:
        OSError: When all went well until the outcome was written.
    """
    trainer = session.trainer
    try:
        yield
        _draw_curves(folder)
    except (FolderGoneError, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt):
            _note_failure(folder, status.at(_saved_step(trainer), "stopped"))
        raise
    except BaseException:
        _draw_curves(folder)
        _note_failure(folder, status.at(_saved_step(trainer), "failed"))
        raise
    write_status(folder, status.at(_saved_step(trainer), outcome_of(trainer)))


def _saved_step(trainer: Trainer) -> int:
    """Return the step that a run can go on from."""
    return 0 if trainer.saver is None else trainer.saver.last_step or 0


def _train_along(session: Session, folder: RunFolder, rollbacks_spent: int) -> None:
    """Train as one of several processes, without looking on or writing anything."""
    trainer = session.trainer
    with StopSignals() as signals, memory_faults_named(session.plan, session.device, folder):
        trainer.train([signals], rollbacks_spent=rollbacks_spent)
    if outcome_of(trainer) == "stopped":
        raise _reason_of_stop(trainer, folder)


def _reason_of_stop(trainer: Trainer, folder: RunFolder) -> GantoolError:
    """Return what ended a run before its last step: a signal, or what its watcher found."""
    signal_number = signal_of(trainer.stop_reason)
    if signal_number is not None:
        return Interrupted(
            f"{trainer.stop_reason} received; saved after step {trainer.step}",
            f"go on with: gantool resume {folder.path}",
            signal_number=signal_number,
        )
    return DivergedError(
        f"stopped and saved after step {trainer.step}: {trainer.stop_reason}",
        f'health.policy is "stop"; to go on as it is: gantool resume {folder.path}',
    )


def saver_of(plan: Recipe, folder: RunFolder, identifier: str) -> Saver:
    """Return what saves a run."""
    from gantool.training.state.saving import Saver

    tables = plan.tables
    checkpoints = Checkpoints(
        folder.checkpoints,
        identifier,
        keep_last=tables.checkpoints.keep_last,
        keep_every_steps=tables.checkpoints.keep_every_steps,
    )
    return Saver(
        checkpoints,
        tables.checkpoints,
        stops_on_divergence=tables.training.on_divergence != "ignore",
        writes=is_first(),
    )


def _note_failure(folder: RunFolder, status: RunStatus) -> None:
    """Write the outcome beside a failure, which is what a person is told of."""
    try:
        write_status(folder, status)
    except OSError as error:
        log.warning("the outcome could not be written: %s", error)


def _draw_curves(folder: RunFolder) -> None:
    """Draw the loss curves; a full disk costs them and nothing else."""
    from gantool.reporting.pictures.curves import draw_curves
    from gantool.runs.curves import read_curves
    from gantool.runs.documents import Damages

    try:
        if curves := read_curves(folder.metrics, Damages()):
            draw_curves(curves, folder.curves, folder.name)
    except OSError as error:
        log.warning("the curves could not be written: %s", error)
