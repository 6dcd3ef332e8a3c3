"""Go on with a run, unless what has changed since would alter its training."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.files.disk import write_durably
from gantool.files.plain import is_plain_folder
from gantool.interfaces.optimizer import schedules_in
from gantool.launch.folder import disk_faults_named, held, joined
from gantool.launch.process import note_environment, remind_of_divergence, train
from gantool.launch.session import (
    assemble,
    opened,
    prepare,
    read_to_train,
    refuse_other_images,
    saver_of,
    shown,
)
from gantool.recipe.documents import DEFAULT, dump, part_bearing_upon, plainly, unsaid
from gantool.reporting.console.messages import say
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.folder import RUNS, RunFolder, existing_folder, is_first, list_runs
from gantool.runs.records import last_step
from gantool.runs.status import read_status
from gantool.text import numbered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.console import Console

    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.launch.session import Session
    from gantool.recipe.schema import Recipe
    from gantool.reporting.console.messages import Level
    from gantool.training.device.ranks import Ranks
    from gantool.training.state.form import State


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
        The run; one that is finished as it is.

    Raises:
        UsageError: When there is no run, or none of its checkpoints is intact; when it is in use,
            or what has changed since would alter the training.
        DataError: When the images have changed since it was started.
        DivergedError: When training was no longer finite.
        Interrupted: When a signal stopped the run, after saving.
    """
    folder = existing_folder(Path(run)) if run is not None else _newest_run()
    said = [*overrides, *([] if steps is None else [f"training.steps={steps}"])]
    said += [] if device is None else [f'device.name="{device}"']
    with shown() as console, held(folder), disk_faults_named(folder):
        recipe = read_to_train(folder.recipe, said)
        with joined(recipe) as ranks:
            session = _gone_on(recipe, folder, console, level, ranks, override)
            _finish(session, folder, console, level, changed=bool(said))
    return opened(folder)


def _finish(
    session: Session, folder: RunFolder, console: Console, level: Level, *, changed: bool
) -> None:
    """Note what has changed, and train what is left; the outcome is written last of all."""
    trainer, before = session.trainer, read_status(folder)
    if trainer.is_finished() and before.outcome == "completed":
        if level != "quiet":
            say(console, f"{folder.path} is finished after {trainer.step} steps")
        return
    status = replace(before, steps=trainer.game.setup.steps)
    spent = 0 if changed else remind_of_divergence(folder, trainer.step)
    if is_first():
        write_durably(folder.recipe, dump(session.recipe.document))
        note_environment(folder)
    train(session, folder, status, console, level, rollbacks_spent=spent)


def _gone_on(
    recipe: Recipe, folder: RunFolder, console: Console, level: Level, ranks: Ranks, override: bool
) -> Session:
    """Return a session at a run's newest checkpoint; at the beginning, if none was saved yet."""
    from gantool.evaluation.sampling.trained import newest_state
    from gantool.training.state.form import younger_options_named

    has_begun = bool(Checkpoints(folder.checkpoints, "").all())
    if not has_begun:
        _refuse_trained(folder)
    saved = newest_state(folder) if has_begun else None
    prepared = prepare(recipe, console, level)
    saver = saver_of(recipe, folder, read_status(folder).identifier)
    if saved is None:
        return assemble(recipe, prepared, ranks, saver)
    refuse_other_images(prepared, saved["about"], folder, override=override)
    session = assemble(recipe, prepared, ranks, saver, begins=False)
    if saved["step"] < session.trainer.game.setup.steps:
        refuse_other_training(saved, session.trainer.about, recipe, folder, override=override)
    since = unsaid(recipe, "architecture")
    with younger_options_named(recipe.architecture, since, str(folder.recipe)):
        session.trainer.load(saved)
    return session


def _refuse_trained(folder: RunFolder) -> None:
    """Refuse a run that was trained and has no checkpoint: it would begin over its records."""
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


log = logging.getLogger("gantool")

LENGTH = ("training.epochs", "training.steps")
"""Options that only extend a run, unless something follows its progress."""
MISSING = "-"

Change = tuple[str, str, str]
"""An option's key, a plugin, or a part of the machine; its value at the checkpoint, and now."""


def refuse_other_training(
    saved: State, now: Mapping[str, Any], recipe: Recipe, folder: RunFolder, *, override: bool
) -> None:
    """Compare a state's circumstances with those of now; refuse, or show, what has changed."""
    if altering := _table(_altering(saved, now, recipe)):
        if not override:
            raise UsageError(
                f"the training of {folder.path} would not be the one that was begun; "
                f"since step {saved['step']}:\n{altering}",
                "undo this, or go on all the same with --override",
            )
        log.warning("the training goes on altered, from step %d:\n%s", saved["step"], altering)
    computed = saved["about"].get("computing", {})  # may tell less than we ask
    told = {name: value for name, value in now["computing"].items() if name in computed}
    if bits := _table(differences(computed, told)):
        log.warning("the last bits will differ from those of a run on one machine:\n%s", bits)


def _altering(saved: State, now: Mapping[str, Any], recipe: Recipe) -> Iterator[Change]:
    """Yield what alters the training of a saved state."""
    before = saved["about"]
    tables = (recipe.tables.ema, *recipe.optimizer.values(), *recipe.regularizers)
    follows = (
        bool(saved.get("followers"))
        or any(optimizer.rate.changes for optimizer in recipe.optimizer.values())
        or any(number for table in tables for number in schedules_in(table))
    )
    unsaid = {".".join(map(str, k)) for k, o in recipe.origins.items() if o == DEFAULT}
    then, new_one = (
        flat(part_bearing_upon(plainly(each), "training"))
        for each in (before.get("recipe", {}), now["recipe"])
    )
    for key, old, new in differences(then, new_one):
        only_extends = key in LENGTH and not follows
        is_new = old == MISSING and key in unsaid  # an option that came up since changes nothing
        if not only_extends and not is_new:
            yield key, old, new
    known = before.get("plugins", {})  # what is of a new one, the recipe itself tells
    present = {name: fit for name, fit in now["plugins"].items() if name in known}
    for name, old, new in differences(known, present):
        yield f"plugin {name}", old, new


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what differs; nothing where the past is not known."""
    for key in sorted({*before, *now}) if before else ():
        if before.get(key, MISSING) != now.get(key, MISSING):
            yield key, str(before.get(key, MISSING)), str(now.get(key, MISSING))


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Return a recipe's values by dotted key; components of an array go by their `use`."""
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list) and value and all(isinstance(entry, dict) for entry in value):
        uses = [str(entry.get("use")) for entry in value]
        named = zip(numbered(uses), value, strict=True)
        inner = {"use": ", ".join(uses), **dict(named)}.items()
    else:
        return {path: value} if path else {}
    return {
        key: leaf
        for name, part in inner
        for key, leaf in flat(part, f"{path}.{name}".removeprefix(".")).items()
    }


def _table(changes: Iterable[Change]) -> str:
    """Return one aligned line for each change."""
    rows = list(changes)
    width = max((len(name) for name, *_ in rows), default=0)
    return "\n".join(f"  {name:<{width}}  {before} -> {now}" for name, before, now in rows)
