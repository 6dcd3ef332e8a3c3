"""One process's work on a run: train, and keep the folder true whatever happens."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gantool.errors import DivergedError, Interrupted
from gantool.files.durable import write_durably
from gantool.launch.divergence import divergence_noted
from gantool.launch.observing import observed, outcome_of
from gantool.launch.session import memory_faults_named
from gantool.recipe.writing import dump
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.processes import is_first
from gantool.runs.status import write_json, write_status
from gantool.text import visible
from gantool.training.stopping import StopSignals, signal_of

if TYPE_CHECKING:
    from rich.console import Console

    from gantool.errors import GantoolError
    from gantool.launch.session import Session
    from gantool.reporting.streams import Level
    from gantool.runs.folder import RunFolder
    from gantool.runs.status import Outcome, RunStatus
    from gantool.training.saving import Saver
    from gantool.training.trainer import Trainer

log = logging.getLogger("gantool")


def write_beginning(folder: RunFolder, session: Session, status: RunStatus) -> None:
    """Write what is known before the first step; the recipe comes last and makes it a run."""
    folder.samples.mkdir(exist_ok=True)
    write_status(folder, status)
    note_environment(folder)
    if session.prepared.skipped:
        lines = (
            f"{_one_field(skipped.name)}\t{skipped.reason}\n"
            for skipped in session.prepared.skipped
        )
        folder.skipped.write_text("".join(lines), encoding="utf-8", errors="backslashreplace")
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
    announce: bool = True,
) -> None:
    """Train to the end or to a stop, observed; keep the status true whatever happens.

    Of several processes, the first one does all that; the others only train.
    """
    from gantool.training.state import shared

    trainer = session.trainer
    trainer.saver = _saver(session, folder, status)
    trainer.game.ranks.take_from_first([*shared(trainer.game, trainer.average).values()])
    if not is_first():
        _train_along(session, folder)
        return
    from gantool.reporting.messages import show_outcome

    outcome: Outcome = "failed"
    write_status(folder, status.at(trainer.step, "running"))
    signals = StopSignals()
    try:
        with signals, observed(session, folder, status, console, level) as observers:
            trainer.observers = [*observers, signals]
            named = memory_faults_named(session.plan, session.device, folder)
            with divergence_noted(session, folder), named:
                trainer.train()
        outcome = outcome_of(trainer)
    finally:
        _note_end(folder, status.at(trainer.step, outcome))
    ended = outcome_of(trainer)
    if announce:
        show_outcome(folder, ended, trainer.step, console, level)
    if ended == "stopped":
        raise _reason_of_stop(trainer, folder)


def _train_along(session: Session, folder: RunFolder) -> None:
    """Train as one of several processes, without looking on or writing anything."""
    trainer = session.trainer
    with StopSignals() as signals, memory_faults_named(session.plan, session.device, folder):
        trainer.observers = [signals]
        trainer.train()
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


def _saver(session: Session, folder: RunFolder, status: RunStatus) -> Saver:
    """Return what saves the run, after sweeping up what a killed process has left."""
    from gantool.training.saving import Saver

    tables, step = session.plan.tables, session.trainer.step
    checkpoints = Checkpoints(
        folder.checkpoints,
        status.identifier,
        keep_last=tables.checkpoints.keep_last,
        keep_every_steps=tables.checkpoints.keep_every_steps,
    )
    if is_first():
        checkpoints.sweep()
    return Saver(
        checkpoints,
        tables.checkpoints,
        stops_on_divergence=tables.training.on_divergence != "ignore",
        last_step=step or None,
        writes=is_first(),
    )


def _note_end(folder: RunFolder, status: RunStatus) -> None:
    """Write the outcome and draw the loss curves; a full disk costs them and nothing else."""
    from gantool.reporting.curves import draw_curves
    from gantool.runs.records import JsonLines

    try:
        write_status(folder, status)
        if records := list(JsonLines(folder.metrics).read()):
            draw_curves(records, folder.curves, folder.name)
    except OSError as error:
        log.warning("outcome and curves could not be written: %s", error)
