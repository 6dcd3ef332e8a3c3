"""Start a run, try one out, go on with one, open one."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.launch.changes import judge
from gantool.launch.process import note_environment, train, write_beginning
from gantool.launch.session import assemble, prepare, read, refuse_other_images
from gantool.recipe.writing import dump
from gantool.reporting.messages import say
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.durable import write_durably
from gantool.runs.folder import RUNS, RunFolder, existing_folder, list_runs, new_folder
from gantool.runs.lock import hold
from gantool.runs.status import new_status, read_status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from gantool.evaluation.trained import TrainedRun
    from gantool.launch.session import Session
    from gantool.recipe.schema import Recipe
    from gantool.reporting.streams import Level

TRIAL_STEPS = 2
"""Steps of a dry run."""


def run(
    recipe: str | Path,
    overrides: Sequence[str] = (),
    *,
    out: str | Path | None = None,
    level: Level = "normal",
) -> TrainedRun:
    """Train what a recipe describes, in a run folder of its own.

    Args:
        recipe: A recipe's file, or the name of a shipped one.
        overrides: Values to put over the recipe's, as in "training.steps=20".
        out: The run folder itself; by default `runs/<recipe>-<date>-<n>`.
        level: How much is shown on stderr: "quiet", "normal" or "verbose".

    Returns:
        The trained run, ready to draw samples from.

    Raises:
        RecipeError: When the recipe has problems; the message holds all of them.
        UsageError: When the folder holds a run already, or the device cannot be used.
        DataError: When there are no usable images.
        DivergedError: When training was no longer finite.
        Interrupted: When a signal stopped the run, after saving.
    """
    with _shown() as console:
        plan = read(recipe, overrides)
        folder = RunFolder(Path(out)) if out is not None else None
        if folder is not None and folder.exists():
            raise UsageError(
                f"{folder.path} holds a run already", f"go on with: gantool resume {folder.path}"
            )
        prepared = prepare(plan, console, level)
        session = assemble(plan, prepared)
        folder = folder or new_folder(Path(RUNS), plan.name, date.today())
        with hold(folder):
            status = new_status(plan.name, session.trainer.game.setup.steps)
            write_beginning(folder, session, status)
            train(session, folder, status, console, level)
        return load(folder.path)


def dry_run(recipe: str | Path, overrides: Sequence[str] = (), *, level: Level = "normal") -> None:
    """Try a recipe out: prepare, build, two steps, one checkpoint, one grid; leave nothing behind.

    Raises:
        GantoolError: Whatever `run` would meet at its start.
    """
    with _shown() as console, tempfile.TemporaryDirectory(prefix="gantool-") as scratch:
        plan = read(recipe, overrides)
        prepared = prepare(plan, console, level)
        session = assemble(plan, prepared)
        trainer = session.trainer
        steps = min(TRIAL_STEPS, trainer.game.setup.steps)
        trainer.game.setup = replace(trainer.game.setup, steps=steps)
        folder = RunFolder(Path(scratch) / plan.name)
        with hold(folder):
            status = new_status(plan.name, steps)
            write_beginning(folder, session, status)
            train(session, folder, status, console, "quiet", announce=False)
        load(folder.path).sample(1)
        if level != "quiet":
            say(console, f"{steps} steps, a checkpoint and a sample went well; nothing was kept")


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
    with _shown() as console:
        folder = existing_folder(Path(run)) if run is not None else _newest_run()
        with hold(folder):
            said = [*overrides, *([] if steps is None else [f"training.steps={steps}"])]
            said += [] if device is None else [f'device.name="{device}"']
            plan = read(folder.recipe, said)
            session = _gone_on(plan, folder, console, level, override=override)
            trainer = session.trainer
            status = replace(read_status(folder), steps=trainer.game.setup.steps)
            if trainer.is_finished():
                if level != "quiet":
                    say(console, f"{folder.path} is finished after {trainer.step} steps")
                return load(folder.path)
            write_durably(folder.recipe, dump(plan.document))
            note_environment(folder)
            train(session, folder, status, console, level)
        return load(folder.path)


def _gone_on(
    plan: Recipe, folder: RunFolder, console: Console, level: Level, *, override: bool
) -> Session:
    """Return a session at a run's newest checkpoint; at the beginning, if none was saved yet."""
    from gantool.evaluation.trained import newest_state

    has_begun = bool(Checkpoints(folder.checkpoints, "").all())
    saved = newest_state(folder) if has_begun else None
    prepared = prepare(plan, console, level)
    if saved is None:
        return assemble(plan, prepared)
    refuse_other_images(prepared, saved["about"], folder, override=override)
    session = assemble(plan, prepared, begins=False)
    if saved["step"] < session.trainer.game.setup.steps:
        judge(saved, session, folder, override=override)
    session.trainer.restore(saved)
    return session


def load(run: str | Path) -> TrainedRun:
    """Open a run to draw samples from it.

    Args:
        run: The run folder.

    Raises:
        UsageError: When there is no run.
    """
    from gantool.evaluation.trained import TrainedRun

    return TrainedRun(existing_folder(Path(run)))


@contextmanager
def _shown() -> Iterator[Console]:
    """Open the console and show warnings on it."""
    from gantool.reporting.messages import show_warnings
    from gantool.reporting.streams import open_console

    console = open_console()
    with show_warnings(console):
        yield console


def _newest_run() -> RunFolder:
    """Return the most recent run in the working folder's `runs`."""
    run = next(list_runs(Path(RUNS)), None)
    if run is None:
        raise UsageError(f"there is no run in {Path(RUNS).absolute()}", "start: gantool run RECIPE")
    return run
