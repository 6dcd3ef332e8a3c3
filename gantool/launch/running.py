"""Start a run, try one out, open one."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gantool.errors import UsageError
from gantool.exporting.folder import CONFIG, ExportedFolder
from gantool.launch.folder import begun_before, joined, taken
from gantool.launch.process import train, write_beginning
from gantool.launch.resuming import resume
from gantool.launch.session import assemble, opened, prepare, read_to_train, saver_of, shown
from gantool.reporting.console.messages import say
from gantool.reporting.figures import format_duration
from gantool.runs.folder import RECIPE, RunFolder, is_first, job
from gantool.runs.status import hold, new_status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gantool.evaluation.sampling.generator import TrainedGenerator
    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.launch.session import Session
    from gantool.recipe.schema import Recipe
    from gantool.reporting.console.messages import Level

TRIAL_STEPS = 2
"""Steps of a dry run."""
MEBIBYTE = 2**20
TIMED_STEPS = 3
"""Further ones, which are timed when the first have warmed everything up."""


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
    given = None if out is None else Path(out)
    if (begun := begun_before(given)) is not None:
        return resume(begun.path, level=level)
    with shown() as console:
        loaded = read_to_train(recipe, overrides)
        with joined(loaded) as ranks, taken(given, loaded.name, ranks) as folder:
            prepared = prepare(loaded, console, level)
            status = new_status(loaded.name, 0, job())
            status = replace(status, identifier=ranks.share_text(status.identifier))
            session = assemble(loaded, prepared, ranks, saver_of(loaded, folder, status.identifier))
            status = replace(status, steps=session.trainer.game.setup.steps)
            if is_first():
                write_beginning(folder, session, status)
            train(session, folder, status, console, level)
        return opened(folder)


def dry_run(recipe: str | Path, overrides: Sequence[str] = (), *, level: Level = "normal") -> None:
    """Try a recipe out: prepare, build, two steps, one checkpoint, one grid; leave nothing behind.

    Says how long the whole run will take, and how much memory and room on the disk.

    Raises:
        GantoolError: Whatever `run` would meet at its start.
    """
    with shown() as console, tempfile.TemporaryDirectory(prefix="gantool-") as scratch:
        whole = read_to_train(recipe, overrides)
        short = _cut_short(whole)
        prepared = prepare(short, console, level)
        folder = RunFolder(Path(scratch) / short.name)
        folder.path.mkdir()
        with hold(folder):
            steps = short.tables.training.steps or TRIAL_STEPS
            status = new_status(short.name, steps)
            session = assemble(short, prepared, saver=saver_of(short, folder, status.identifier))
            write_beginning(folder, session, status)
            train(session, folder, status, console, "quiet", announce=False)
        opened(folder).sample(1)
        if level != "quiet":
            say(console, f"{steps} steps, a checkpoint and a sample went well; nothing was kept")
            for name, value in _expected(session, folder, whole):
                say(console, (f"{name:<9}", "bold"), value)


def _cut_short(recipe: Recipe) -> Recipe:
    """Return a recipe that ends after some steps."""
    steps = min(TRIAL_STEPS, recipe.tables.training.steps or TRIAL_STEPS)
    training = recipe.tables.training.model_copy(update={"steps": steps, "epochs": None})
    return replace(recipe, tables=recipe.tables.model_copy(update={"training": training}))


def _expected(session: Session, folder: RunFolder, whole: Recipe) -> Iterator[tuple[str, str]]:
    """Yield what the whole run will take: time, memory, and room on the disk."""
    from gantool.launch.benchmarking.timing import seconds
    from gantool.training.building import steps_of
    from gantool.training.device.device import peak_memory

    trainer, device = session.trainer, session.device.device
    steps = steps_of(whole, trainer.game.batches.per_epoch)
    step = sum(seconds(trainer.one_step, device) for _ in range(TIMED_STEPS)) / TIMED_STEPS
    yield "time", f"about {format_duration(steps * step)}: {steps:,} steps, {step:.3g} s each"
    if (peak := peak_memory(device)) is not None:
        yield "memory", f"{peak / MEBIBYTE:,.0f} MiB at the peak, on {session.device}"
    checkpoint = max(folder.checkpoints.iterdir())
    size = sum(file.stat().st_size for file in checkpoint.iterdir())
    kept = session.recipe.tables.checkpoints.keep_last
    yield "disk", f"{kept} checkpoints of {size / MEBIBYTE:,.0f} MiB each"


def load(
    path: str | Path,
    *,
    device: str | None = None,
    checkpoint: str | None = None,
    weights: Literal["ema", "raw"] | None = None,
) -> TrainedGenerator:
    """Open a run or an exported folder to draw samples from it.

    Args:
        path: A run folder, or a folder that `gantool export --to safetensors` wrote.
        device: Compute with this device instead of the recipe's.
        checkpoint: Of a run: "newest", "best" or a number of steps; by default the newest.
        weights: Of a run: averaged or raw ones; by default those that its recipe samples from.

    Raises:
        UsageError: When there is neither, or a checkpoint or weights are asked of an exported
            folder, which holds one generator.
        RecipeError: When averaged weights are asked of a run that keeps no average.
    """
    folder, exported = RunFolder(Path(path)), ExportedFolder(Path(path))
    if folder.exists():
        from gantool.evaluation.sampling.trained import NEWEST, TrainedRun

        settings = () if weights is None else (f'sampling.weights="{weights}"',)
        return TrainedRun(folder, device, checkpoint or NEWEST, settings)
    if not exported.config.is_file():
        raise UsageError(
            f"no run and no exported generator in {path}: neither {RECIPE} nor {CONFIG} is there",
            "gantool list-runs shows the runs here",
        )
    if checkpoint is not None or weights is not None:
        what = "no checkpoints" if weights is None else "one kind of weights"
        raise UsageError(f"{path} is an exported generator: it has {what}")
    from gantool.exporting.exported import ExportedGenerator

    return ExportedGenerator(exported, device)
