"""A session: all that one process needs to work on a run."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import DataError, DeviceMemoryError, PluginError
from gantool.recipe.documents import components_of
from gantool.recipe.reading import read_recipe
from gantool.recipe.schema import SINGLES
from gantool.registry.plugin import working_folder_kept
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.folder import existing_folder, is_first

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from gantool.data.prepare.prepared import PreparedImages
    from gantool.data.selection import TrainingImages
    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.recipe.schema import Recipe, TrainingTable
    from gantool.reporting.console.messages import Level
    from gantool.runs.folder import RunFolder
    from gantool.training.device.device import Device
    from gantool.training.device.ranks import Ranks
    from gantool.training.state.beginning import Beginning
    from gantool.training.state.saving import Saver
    from gantool.training.trainer import Trainer

log = logging.getLogger("gantool")

TRAINED_BY = (*SINGLES, "regularizer", "optimizer")
"""Kinds of components that have a part in the training."""


@dataclass(frozen=True)
class Session:
    """A recipe made ready on a device.

    Attributes:
        images: What is trained on, and what is kept from it.
        prepared: All usable images of the dataset.
    """

    recipe: Recipe
    images: TrainingImages
    prepared: PreparedImages
    device: Device
    trainer: Trainer


@contextmanager
def shown() -> Iterator[Console]:
    """Open the console and show warnings on it; of several processes, only the first speaks."""
    from gantool.reporting.console.messages import open_console, show_warnings

    console = open_console()
    console.quiet = not is_first()
    with show_warnings(console):
        yield console


def opened(folder: RunFolder) -> TrainedRun:
    """Return a run, ready to draw samples from."""
    from gantool.evaluation.sampling.trained import TrainedRun

    return TrainedRun(folder)


def read(recipe: str | Path, overrides: Sequence[str]) -> Recipe:
    """Read a recipe and pass its warnings on."""
    loaded = read_recipe(recipe, overrides)
    for warning in loaded.warnings:
        log.warning(warning)
    return loaded


def read_to_train(recipe: str | Path, overrides: Sequence[str]) -> Recipe:
    """Read the recipe of a run, and refuse one whose loggers lack a package, unless optional."""
    loaded = read(recipe, overrides)
    if loaded.loggers:
        from gantool.reporting.loggers import require_packages

        require_packages(loaded.loggers)
    return loaded


def prepare(recipe: Recipe, console: Console, level: Level) -> PreparedImages:
    """Return the prepared images, decoding them if that was not done before."""
    from gantool.data.prepare.prepared import squashed
    from gantool.data.prepare.preparing import prepare
    from gantool.reporting.console.progress import preparation_progress

    with preparation_progress(console, level) as progress:
        prepared = prepare(recipe.dataset, recipe.tables.image, progress=progress)
    if skipped := prepared.skipped:
        what = f"{len(skipped):,} images cannot be used and are skipped, the first is"
        what = what if skipped[1:] else "1 image cannot be used and is skipped,"
        log.warning("%s %r: %s", what, skipped[0].name, skipped[0].reason)
    if warning := squashed(prepared.sizes, prepared.shape, recipe.tables.image.fit):
        log.warning(warning)
    return prepared


def refuse_other_images(
    prepared: PreparedImages, about: Mapping[str, Any], folder: RunFolder, *, override: bool
) -> None:
    """Refuse other images than those of a run's checkpoint, unless told to accept them."""
    before, now = about.get("fingerprint"), prepared.fingerprint
    if prepared.are(before):
        return
    change = (
        f"the images have changed since {folder.path} was started: {about.get('images')} "
        f"then (fingerprint {before}), {len(prepared)} now ({now})"
    )
    if not override:
        way_out = "restore the folder, go on with --override, or start a new run with"
        way_out = f"{way_out} training.start_from"
        if not prepared.earlier:  # the run may be older than the conversion of colors
            colors = "colors were converted since gantool follows profiles"
            way_out = f"{way_out}; {colors}: --set image.profiles=ignore"
        raise DataError(change, way_out)
    log.warning(change)


def saver_of(recipe: Recipe, folder: RunFolder, identifier: str) -> Saver:
    """Return what saves a run."""
    from gantool.training.state.saving import Saver

    table = recipe.tables.checkpoints
    last, every = table.keep_last, table.keep_every_steps
    return Saver(
        Checkpoints(folder.checkpoints, identifier, keep_last=last, keep_every_steps=every),
        table,
        stops_on_divergence=recipe.tables.training.on_divergence != "ignore",
        writes=is_first(),
    )


def assemble(
    recipe: Recipe,
    prepared: PreparedImages,
    ranks: Ranks | None = None,
    saver: Saver | None = None,
    *,
    begins: bool = True,
) -> Session:
    """Build the trainer on its device; where it begins, with the networks of `start_from`."""
    from gantool.data.selection import select
    from gantool.training.building import build_trainer
    from gantool.training.device.device import open_device

    device = open_device(recipe.tables.device)
    images = select(prepared, recipe.tables)
    beginning = _beginning(recipe, images.classes) if begins else None
    about = {
        "classes": list(prepared.classes) if images.classes else [],
        "fingerprint": prepared.fingerprint,
        "images": len(prepared),
        **circumstances(recipe, device, 1 if ranks is None else ranks.count),
    }
    with memory_faults_named(recipe, device), working_folder_kept():
        trainer = build_trainer(recipe, images, device, ranks, beginning, about=about, saver=saver)
    return Session(recipe, images, prepared, device, trainer)


def _beginning(recipe: Recipe, classes: int) -> Beginning | None:
    """Return the networks of the run that a recipe starts from, if it names one."""
    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.training.state.beginning import Beginning

    start = recipe.tables.training.start_from
    if start is None:
        return None
    there = TrainedRun(existing_folder(start), "cpu")
    return Beginning(there.state, there.build, partial(_way_out, there, recipe, classes))


def _way_out(there: TrainedRun, recipe: Recipe, classes: int) -> str:
    """Say which options of the other run make networks that fit."""
    other, way_out = there.recipe, "leave training.start_from out"
    if other.architecture.name != recipe.architecture.name:
        return f"its architecture is '{other.architecture.name}'; take that one, or {way_out}"
    if changes := [*_options(other, recipe)]:
        return f"set what it was trained with: {' '.join(changes)}; or {way_out}"
    if len(there.classes) != classes:
        return f"it has {len(there.classes)} classes, and here are {classes}; {way_out}"
    return f"its recipe does not tell why: a plugin may have changed since; {way_out}"


def _options(other: Recipe, recipe: Recipe) -> Iterator[str]:
    """Yield the other run's options that decide on the networks' shapes and are not ours."""
    theirs, ours = (each.architecture.model_dump(mode="json") for each in (other, recipe))
    for name, value in theirs.items():
        if value != ours[name]:
            yield f"--set architecture.{name}={json.dumps(value)}"
    if other.tables.image.shape[1:] != recipe.tables.image.shape[1:]:
        size = other.tables.image.size
        yield f"--set image.size={json.dumps(size).replace(' ', '')}"
    if other.tables.image.channels != recipe.tables.image.channels:
        yield f"--set image.channels={other.tables.image.channels}"
    if other.tables.training.conditional != recipe.tables.training.conditional:
        yield f"--set training.conditional={json.dumps(other.tables.training.conditional)}"


def circumstances(recipe: Recipe, device: Device, processes: int) -> dict[str, Any]:
    """Return what a checkpoint tells of how it was made, plain data."""
    import torch

    return {
        "recipe": recipe.document,
        "plugins": dict(_plugins(recipe.document)),
        "computing": {
            "device": str(device),
            "layout": str(device.layout).removeprefix("torch."),
            "precision": str(device.autocast or device.dtype).removeprefix("torch."),
            "compile": recipe.tables.device.compile,
            "deterministic": recipe.tables.device.deterministic,
            "torch": str(torch.__version__),
            "threads": torch.get_num_threads(),
            "processor": device.processor,
            "processes": processes,
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        },
    }


def _plugins(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the plugins that have a part in the training, and their versions."""
    from gantool.registry.catalog import installed

    for kind, use in components_of(document):
        if kind not in TRAINED_BY:
            continue
        plugin = installed().find(kind, use).plugin
        yield plugin.name, f"{plugin.distribution} {plugin.version}"


@contextmanager
def memory_faults_named(
    recipe: Recipe, device: Device, folder: RunFolder | None = None
) -> Iterator[None]:
    """Turn the device's memory fault into a message that names what to change."""
    from gantool.training.device.device import is_memory_fault, peak_in_words

    try:
        yield
    except (RuntimeError, MemoryError, PluginError) as error:
        fault = error.__cause__ if isinstance(error, PluginError) else error
        if fault is None or not is_memory_fault(fault):
            raise
        reason = str(fault).partition("\n")[0].partition(". ")[0] or type(fault).__name__
        message = f"{device} ran out of memory{peak_in_words(device.device)}: {reason}"
        raise DeviceMemoryError(message, _less_memory(recipe.tables.training, folder)) from error


def _less_memory(training: TrainingTable, folder: RunFolder | None) -> str:
    """Return how a run gets by with less memory, at once or from its last checkpoint on."""
    size, slices = training.batch_size, training.accumulate
    more = next((n for n in range(slices + 1, size // 2 + 1) if size % n == 0), None)
    changes = [f"training.batch_size below {size}"]
    changes += [] if more is None else [f"training.accumulate = {more}, which slices each batch"]
    if folder is None or more is None:
        return f"set {', or '.join(changes)}; image.size and the networks' widths count as well"
    return (
        f"the last checkpoint is intact; go on from it with batches in {more} slices: "
        f"gantool resume {folder.path} --set training.accumulate={more} --override; "
        f"or start anew with {changes[0]}"
    )
