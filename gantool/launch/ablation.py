"""An ablation: a recipe as it is and without each of some parts, every time with the same seeds."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import DivergedError, Interrupted, UsageError
from gantool.files.durable import make_folder, write_durably
from gantool.launch.resuming import resume
from gantool.launch.running import run
from gantool.launch.toggles import without
from gantool.recipe.documents import dump
from gantool.recipe.reading import read_recipe
from gantool.runs.folder import RUNS, RunFolder
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gantool.reporting.console.messages import Level

log = logging.getLogger("gantool")

FULL = "full"
"""The variant from which nothing was taken."""
RECIPES = "recipes"
"""Folder of the variants' recipes, inside the ablation's own."""


@dataclass(frozen=True)
class Planned:
    """One run of an ablation.

    Attributes:
        variant: "full", or what was taken out, as in "without-r1".
        seed: Where its random numbers start.
        document: Its resolved recipe, seed included.
        folder: Its run folder.
    """

    variant: str
    seed: int
    document: Mapping[str, Any]
    folder: RunFolder

    @property
    def recipe(self) -> Path:
        """The file of the variant's recipe."""
        return self.folder.path.parent / RECIPES / f"{self.variant}.toml"

    def is_done(self) -> bool:
        """Whether it has been trained to its end."""
        if not self.folder.exists():
            return False
        status = read_status(self.folder)
        return status.outcome == "completed" and status.step >= status.steps


def plan_ablation(
    recipe: str | Path,
    toggles: Sequence[str],
    *,
    seeds: int,
    overrides: Sequence[str] = (),
    out: Path | None = None,
) -> list[Planned]:
    """Return the runs of an ablation, seed by seed, so that a stop leaves all variants as far.

    Args:
        recipe: The full recipe: a file, or the name of a shipped one.
        toggles: Parts of it, each of which is taken out by itself.
        seeds: Number of training seeds, counted up from the recipe's.
        overrides: Values to put over the recipe's.
        out: The folder of all runs; by default `runs/<recipe>-ablation`.

    Raises:
        UsageError: When there is nothing to take out, or not that; when a folder holds a run of
            another recipe.
        RecipeError: When the recipe, or a variant of it, has problems.
    """
    plan = read_recipe(recipe, overrides)
    for warning in plan.warnings:
        log.warning(warning)
    if not plan.metrics:
        log.warning("the recipe names no [[metrics]]: nothing will say which variant draws best")
    if not toggles:
        raise UsageError(
            "an ablation needs something to toggle", "name it: --toggle regularizers.r1"
        )
    variants = {FULL: dict(plan.document)}
    for toggle in dict.fromkeys(toggles):
        variants[f"without-{toggle.replace('regularizers.', '')}"] = without(plan.document, toggle)
    out = Path(RUNS) / f"{plan.name}-ablation" if out is None else out
    first = plan.tables.training.seed
    planned = [
        Planned(name, seed, _with_seed(document, seed), RunFolder(out / f"{name}-seed-{seed}"))
        for seed in range(first, first + seeds)
        for name, document in variants.items()
    ]
    for each in planned:
        _refuse_other(each)
    return planned


def run_ablation(
    planned: Sequence[Planned],
    *,
    level: Level = "normal",
    device: str | None = None,
    told: Callable[[int, Planned], None] | None = None,
) -> None:
    """Train what is planned; what is done is left alone, what was stopped goes on.

    A run that diverges is a result: it is said, and the others follow.

    Args:
        planned: All runs.
        level: How much is shown on stderr.
        device: Compute with this device instead of the recipe's.
        told: Is given the place and the run that comes next, unless it is done.

    Raises:
        Interrupted: When a signal stopped a run, after saving.
        GantoolError: Whatever else a run can meet.
    """
    for place, each in enumerate(planned):
        if each.is_done():
            continue
        if told is not None:
            told(place, each)
        try:
            _train(each, level, device)
        except DivergedError as error:
            log.warning("%s: %s", each.folder.path, error.message)
        except Interrupted as stop:
            done = sum(run.is_done() for run in planned)
            raise Interrupted(
                f"{stop.message}; {done} of {len(planned)} runs are done",
                "go on with the same command",
                signal_number=stop.signal_number,
            ) from stop


def _train(each: Planned, level: Level, device: str | None) -> None:
    if each.folder.exists():
        resume(each.folder.path, device=device, level=level)
        return
    make_folder(each.recipe.parent)
    write_durably(each.recipe, dump(each.document))
    said = [] if device is None else [f'device.name="{device}"']
    run(each.recipe, said, out=each.folder.path, level=level)


def _with_seed(document: Mapping[str, Any], seed: int) -> dict[str, Any]:
    return {**document, "training": {**document["training"], "seed": seed}}


def _refuse_other(each: Planned) -> None:
    """Refuse a folder with a run of another recipe: it would be taken for this one's.

    Raises:
        UsageError: When it holds one.
    """
    if not each.folder.exists():
        return
    found = read_recipe(each.folder.recipe).document
    differing = [
        name
        for name in {**found, **each.document}
        if name != "device" and found.get(name) != each.document.get(name)
    ]
    if differing:
        raise UsageError(
            f"{each.folder.path} holds a run of another recipe: {_changes(found, each, differing)}",
            "choose another folder with --out",
        )


def _changes(found: Mapping[str, Any], each: Planned, tables: Sequence[str]) -> str:
    """Return in what two recipes differ, table by table, in a line."""
    told = []
    for name in tables:
        before, now = found.get(name), each.document.get(name)
        if isinstance(before, dict) and isinstance(now, dict):
            told += [
                f"{name}.{option} {before.get(option, '-')} there, {now.get(option, '-')} here"
                for option in {**before, **now}
                if before.get(option) != now.get(option)
            ]
        else:
            told.append(f"its {name}")
    return ", ".join(told)
