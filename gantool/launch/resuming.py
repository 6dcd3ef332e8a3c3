"""Go on with a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.files.durable import write_durably
from gantool.launch import together
from gantool.launch.changes import judge
from gantool.launch.divergence import remind_of_divergence
from gantool.launch.process import note_environment, train
from gantool.launch.session import assemble, prepare, read, refuse_other_images
from gantool.launch.showing import opened, shown
from gantool.recipe.writing import dump
from gantool.reporting.messages import say
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.folder import RUNS, RunFolder, existing_folder, list_runs
from gantool.runs.processes import is_first
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from gantool.evaluation.trained import TrainedRun
    from gantool.launch.session import Session
    from gantool.recipe.schema import Recipe
    from gantool.reporting.streams import Level
    from gantool.training.parallel import Ranks


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
    with shown() as console, together.held(folder):
        plan = read(folder.recipe, said)
        with together.joined(plan) as ranks:
            session = _gone_on(plan, folder, console, level, ranks, override=override)
            if not session.trainer.is_finished():
                _train(session, folder, console, level, changed=bool(said))
            elif level != "quiet":
                say(console, f"{folder.path} is finished after {session.trainer.step} steps")
    return opened(folder)


def _train(
    session: Session, folder: RunFolder, console: Console, level: Level, *, changed: bool
) -> None:
    """Note what has changed, and train."""
    status = replace(read_status(folder), steps=session.trainer.game.setup.steps)
    if is_first():
        if not changed:
            remind_of_divergence(folder, session.trainer.step)
        write_durably(folder.recipe, dump(session.plan.document))
        note_environment(folder)
    train(session, folder, status, console, level)


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
    from gantool.evaluation.trained import newest_state

    has_begun = bool(Checkpoints(folder.checkpoints, "").all())
    saved = newest_state(folder) if has_begun else None
    prepared = prepare(plan, console, level)
    if saved is None:
        return assemble(plan, prepared, ranks)
    refuse_other_images(prepared, saved["about"], folder, override=override)
    session = assemble(plan, prepared, ranks, begins=False)
    if saved["step"] < session.trainer.game.setup.steps:
        judge(saved, session, folder, override=override)
    session.trainer.restore(saved)
    return session


def _newest_run() -> RunFolder:
    """Return the most recent run in the working folder's `runs`."""
    run = next(list_runs(Path(RUNS)), None)
    if run is None:
        raise UsageError(f"there is no run in {Path(RUNS).absolute()}", "start: gantool run RECIPE")
    return run
