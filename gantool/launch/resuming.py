"""Go on with a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.files.durable import write_durably
from gantool.files.plain import is_plain_folder
from gantool.launch.changes import refuse_other_training
from gantool.launch.divergence import remind_of_divergence
from gantool.launch.folder import disk_faults_named, held, joined
from gantool.launch.process import note_environment, saver_of, train
from gantool.launch.session import (
    assemble,
    opened,
    prepare,
    read_to_train,
    refuse_other_images,
    shown,
)
from gantool.recipe.documents import dump, unsaid
from gantool.reporting.console.messages import say
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.environment import is_first
from gantool.runs.folder import RUNS, RunFolder, existing_folder, list_runs
from gantool.runs.records import last_step
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.launch.session import Session
    from gantool.recipe.schema import Recipe
    from gantool.reporting.console.messages import Level
    from gantool.training.device.ranks import Ranks


def resume(
    run: str | Path | None = None,
    overrides: Sequence[str] = (),
    *,
    steps: int | None = None,
    device: str | None = None,
    override: bool = False,
    level: Level = "normal",
) -> TrainedRun:
    """Go on with a run from its newest intact checkpoint, as if it had never stopped.

    Args:
        run: The run folder; by default the most recent one in `runs/`.
        overrides: Values to put over those of the run's recipe, as in "training.epochs=300".
        steps: A new total of steps, to train a run further.
        device: Compute with this device instead of the recipe's.
        override: Go on although recipe, plugins or images have changed in what alters the training.
        level: How much is shown on stderr.

    Returns:
        The run; one that is finished is returned as it is.

    Raises:
        UsageError: When there is no run, none of its checkpoints is intact, it is in use, or
            what has changed since would alter the training.
        DataError: When the images have changed since it was started.
        DivergedError: When training was no longer finite.
        Interrupted: When a signal stopped the run, after saving.
    """
    folder = existing_folder(Path(run)) if run is not None else _newest_run()
    said = [*overrides, *([] if steps is None else [f"training.steps={steps}"])]
    said += [] if device is None else [f'device.name="{device}"']
    with shown() as console, held(folder), disk_faults_named(folder):
        plan = read_to_train(folder.recipe, said)
        with joined(plan) as ranks:
            session = _gone_on(plan, folder, console, level, ranks, override=override)
            if not session.trainer.is_finished() or not _has_ended(folder):
                _train(session, folder, console, level, changed=bool(said))
            elif level != "quiet":
                say(console, f"{folder.path} is finished after {session.trainer.step} steps")
    return opened(folder)


def _train(
    session: Session, folder: RunFolder, console: Console, level: Level, *, changed: bool
) -> None:
    """Note what has changed, and train."""
    status = replace(read_status(folder), steps=session.trainer.game.setup.steps)
    spent = 0 if changed else remind_of_divergence(folder, session.trainer.step)
    if is_first():
        write_durably(folder.recipe, dump(session.plan.document))
        note_environment(folder)
    train(session, folder, status, console, level, rollbacks_spent=spent)


def _has_ended(folder: RunFolder) -> bool:
    """Whether all that belongs to the end of a run was written: its outcome comes last."""
    return read_status(folder).outcome == "completed"


def _gone_on(
    plan: Recipe,
    folder: RunFolder,
    console: Console,
    level: Level,
    ranks: Ranks,
    *,
    override: bool,
) -> Session:
    """Return a session at a run's newest checkpoint; at the beginning, if none was saved yet."""
    from gantool.evaluation.sampling.trained import newest_state
    from gantool.training.state.form import younger_options_named

    has_begun = bool(Checkpoints(folder.checkpoints, "").all())
    if not has_begun:
        _refuse_trained(folder)
    saved = newest_state(folder) if has_begun else None
    prepared = prepare(plan, console, level)
    saver = saver_of(plan, folder, read_status(folder).identifier)
    if saved is None:
        return assemble(plan, prepared, ranks, saver)
    refuse_other_images(prepared, saved["about"], folder, override=override)
    session = assemble(plan, prepared, ranks, saver, begins=False)
    if saved["step"] < session.trainer.game.setup.steps:
        refuse_other_training(saved, session.trainer.about, plan, folder, override=override)
    since = unsaid(plan, "architecture")
    with younger_options_named(plan.architecture, since, str(folder.recipe)):
        session.trainer.load(saved)
    return session


def _refuse_trained(folder: RunFolder) -> None:
    """Refuse a run that was trained and has no checkpoint: it would begin again over its records.

    Raises:
        UsageError: When its files tell of steps.
    """
    files = (folder.metrics, folder.timing, folder.scores)
    reached = max(read_status(folder).step, *map(last_step, files))
    if not reached and not folder.sample_grids():
        return  # stopped before the first one was saved
    found = "is empty" if is_plain_folder(folder.checkpoints) else "is missing"
    raise UsageError(
        f"run {folder.path} was trained up to step {reached}, but {folder.checkpoints} {found}: "
        "there is nothing to go on from",
        f"put the checkpoints back, or start a new run: gantool run {folder.recipe}",
    )


def _newest_run() -> RunFolder:
    """Return the most recent run in the working folder's `runs`."""
    run = next(list_runs(Path(RUNS)), None)
    if run is None:
        raise UsageError(f"there is no run in {Path(RUNS).absolute()}", "start: gantool run RECIPE")
    return run
