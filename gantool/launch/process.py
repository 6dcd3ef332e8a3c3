"""One process's work on a run: train, and keep the folder true whatever happens."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import ConfigDict, Field

from gantool.errors import DivergedError, GantoolError, Interrupted, UsageError
from gantool.files.disk import write_durably, written_aside
from gantool.files.plain import Anchor, make_plain_folder
from gantool.launch.folder import FolderGoneError, Whereabouts
from gantool.launch.observing import observed, outcome_of
from gantool.launch.session import memory_faults_named
from gantool.recipe.documents import dump
from gantool.recipe.reading import read_recipe
from gantool.runs.documents import Step, read_document
from gantool.runs.folder import is_first
from gantool.runs.status import write_json, write_status
from gantool.text import visible
from gantool.training.observers import StopSignals, signal_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console

    from gantool.launch.session import Session
    from gantool.recipe.schema import Recipe
    from gantool.reporting.console.messages import Level
    from gantool.runs.folder import RunFolder
    from gantool.runs.status import RunStatus
    from gantool.training.trainer import Trainer

log = logging.getLogger("gantool")

LOW_RATE = 2e-4
"""The learning rate of the first DCGANs (Radford et al. 2016), for those with a higher one."""
SMALL_NORM = 1.0


def write_beginning(folder: RunFolder, session: Session, status: RunStatus) -> None:
    """Write what is known before the first step; the recipe comes last and makes it a run."""
    make_plain_folder(folder.samples)
    write_status(folder, status)
    note_environment(folder)
    note_parent(folder, session.recipe)
    if skipped := session.prepared.skipped:
        lines = (f"{_one_field(each.name)}\t{each.reason}\n" for each in skipped)
        with written_aside(folder.skipped) as aside:
            aside.write_text("".join(lines), encoding="utf-8", errors="backslashreplace")
    write_durably(folder.recipe, dump(session.recipe.document))


def _one_field(name: str) -> str:
    """Return a file's name with what would break a tab-separated line spelled out."""
    return visible(name).replace("\t", "\\t").replace("\n", "\\n")


def note_environment(folder: RunFolder) -> None:
    """Add this process's machine and packages to those that worked on the run before."""
    from gantool.registry.catalog import installed
    from gantool.runs.folder import describe_environment, read_environments

    now = describe_environment(installed().plugins)
    write_json(folder.environment, [*read_environments(folder), now])


def note_parent(folder: RunFolder, recipe: Recipe) -> None:
    """Write down the recipe that a run's recipe extends, or its own without `--set`.

    A recipe that is complete only with what lies over it is passed over.
    """
    for file in recipe.files[1::-1]:
        with suppress(GantoolError):
            parent, extended = read_recipe(file), file != recipe.files[0]
            found = {"name": parent.name, "extended": extended, "document": parent.document}
            _write_beside(folder.parent_recipe, found)
            return


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
    memory_faults = memory_faults_named(session.recipe, session.device, folder)
    if not is_first():
        with StopSignals() as signals, memory_faults:
            trainer.train([signals], rollbacks_spent=rollbacks_spent)
    else:
        if trainer.saver is not None:
            trainer.saver.checkpoints.sweep()  # of what a killed process has left
        write_status(folder, status.at(trainer.step, "running"))
        with (
            _end_noted(trainer, folder, status),
            Anchor(folder.path) as anchor,
            StopSignals() as signals,
            observed(session, folder, status, console, level) as observers,
            divergence_noted(session, folder),
            memory_faults,
        ):
            looking_on = [Whereabouts(folder, anchor), *observers, signals]
            trainer.train(looking_on, rollbacks_spent=rollbacks_spent)
    if announce and is_first():
        from gantool.reporting.console.run import show_outcome

        show_outcome(folder, outcome_of(trainer), trainer.step, console, level)
    if outcome_of(trainer) == "stopped":
        raise _reason_of_stop(trainer, folder)


@contextmanager
def _end_noted(trainer: Trainer, folder: RunFolder, status: RunStatus) -> Iterator[None]:
    """Draw the loss curves and write the outcome when training has ended, however it has.

    The outcome comes last: a run that is called completed has all that belongs to it. A second
    Ctrl-C does not wait for curves, and a folder that has gone is left alone.
    """
    try:
        yield
        _draw_curves(folder)
    except FolderGoneError:
        raise
    except BaseException as error:
        if not (stopped := isinstance(error, KeyboardInterrupt)):
            _draw_curves(folder)
        ended = status.at(_saved_step(trainer), "stopped" if stopped else "failed")
        try:
            write_status(folder, ended)
        except OSError as failure:
            log.warning("the outcome could not be written: %s", failure)
        raise
    write_status(folder, status.at(_saved_step(trainer), outcome_of(trainer)))


def _saved_step(trainer: Trainer) -> int:
    """Return the step that a run can go on from."""
    return 0 if trainer.saver is None else trainer.saver.last_step or 0


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


@dataclass(frozen=True)
class Divergence:
    """A record of training that was no longer finite, for those who come back to it.

    Attributes:
        step: By which step training was not finite.
        ways: Arguments of `gantool resume` that may lead elsewhere; "try" in the file.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True)

    step: Step
    figures: tuple[str, ...]
    ways: Annotated[tuple[str, ...], Field(alias="try")]
    attempts: Step = 1


@contextmanager
def divergence_noted(session: Session, folder: RunFolder) -> Iterator[None]:
    """Write down by when training was not finite, and forget it once training has come further."""
    trainer = session.trainer
    try:
        yield
    except DivergedError as error:
        if error.step is not None:
            found = {
                "step": error.step,
                "figures": list(error.figures),
                "saved_step": None if trainer.saver is None else trainer.saver.last_step,
                "attempts": max(trainer.game.streams.attempt, trainer.rollbacks_spent) + 1,
                "try": list(_ways_out(session.recipe)),
            }
            _write_beside(folder.diverged, found)
        raise
    record = _divergence(folder)
    if record is not None and trainer.step >= record.step:
        with suppress(OSError):
            folder.diverged.unlink(missing_ok=True)


def remind_of_divergence(folder: RunFolder, step: int) -> int:
    """Say what a run met when it was last trained beyond a step, and how not to meet it again.

    Return how often it has gone back before it was given up: it will not go back as often again.
    """
    record = _divergence(folder)
    if record is None or step >= record.step:
        return 0
    log.warning(
        "this run diverged by step %d, not finite: %s; from step %d it would again, unless "
        "something is changed, as with:%s",
        record.step,
        ", ".join(record.figures),
        step,
        "".join(f"\n  {way}" for way in record.ways),
    )
    return record.attempts - 1


def _ways_out(recipe: Recipe) -> Iterator[str]:
    """Yield arguments of `gantool resume` that may lead elsewhere, the mildest first."""
    if recipe.tables.training.on_divergence != "rollback":
        yield "--set training.on_divergence=rollback"
    tables = {f"optimizer.{player}": table for player, table in recipe.optimizer.items()}
    first, *others = tables.values()
    for key, table in ({"optimizer": first} if [first] == others else tables).items():
        rate = min(table.rate.start / 2, LOW_RATE)
        yield f"--set {key}.learning_rate={rate:g} --override"
        if table.clip_gradient_norm is None:
            yield f"--set {key}.clip_gradient_norm={SMALL_NORM:g} --override"


def _divergence(folder: RunFolder) -> Divergence | None:
    """Return the record, if there is one and it is what was written."""
    if not folder.diverged.exists():
        return None
    try:
        record: Divergence = read_document(folder.diverged, Divergence)
    except UsageError as error:
        log.warning("%s", error)
        return None
    return record


def _write_beside(file: Path, found: object) -> None:
    """Write a file that a full disk may cost."""
    try:
        write_json(file, found)
    except OSError as error:
        log.warning("%s could not be written: %s", file.name, error)
