"""An ablation: a recipe as it is and without each of some parts, every time with the same seeds."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import DivergedError, Interrupted, UsageError
from gantool.files.disk import make_folder, write_durably
from gantool.interfaces.step import PLAYERS
from gantool.launch.resuming import differences, flat, resume
from gantool.launch.running import run
from gantool.launch.session import read
from gantool.recipe.documents import bare, dump, part_bearing_upon
from gantool.recipe.reading import read_recipe
from gantool.runs.folder import RUNS, RunFolder
from gantool.runs.status import read_status
from gantool.text import guess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gantool.reporting.console.messages import Level


log = logging.getLogger("gantool")

FULL = "full"
"""The variant from which nothing was taken."""
ARRAY = "regularizers"
RECIPES = "recipes"
"""Folder of the variants' recipes, inside the ablation's own."""


@dataclass(frozen=True)
class Planned:
    """One run of an ablation.

    Attributes:
        variant: "full", or what was taken out, as in "without-r1".
        document: Its resolved recipe, seed included.
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
        recipe: The full recipe.
        toggles: Parts of it, each of which is taken out by itself.
        seeds: Number of training seeds, counted up from the recipe's.
        overrides: Values to put over the recipe's.
        out: The folder of all runs; by default `runs/<recipe>-ablation`.

    Raises:
        UsageError: When there is nothing to take out, or a folder holds another recipe's run.
        RecipeError: When the recipe, or a variant of it, has problems.
    """
    loaded = read(recipe, overrides)
    if not loaded.metrics:
        log.warning("the recipe names no [[metrics]]: nothing will say which variant draws best")
    if not toggles:
        message = "an ablation needs something to toggle"
        raise UsageError(message, "name it: --toggle regularizers.r1")
    variants = {FULL: dict(loaded.document)}
    for toggle in dict.fromkeys(toggles):
        name = f"without-{toggle.removeprefix(f'{ARRAY}.')}"
        variants[name] = without(loaded.document, toggle)
    folder, first = out or Path(RUNS) / f"{loaded.name}-ablation", loaded.tables.training.seed
    planned = [
        Planned(name, seed, _with_seed(document, seed), RunFolder(folder / f"{name}-seed-{seed}"))
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

    A run that diverges is a result: it is said, and the others follow. `told` is given the place
    and the run that comes next, unless it is done.

    Raises:
        Interrupted: When a signal stopped a run, after saving.
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
            done = f"{sum(run.is_done() for run in planned)} of {len(planned)} runs are done"
            way_on, number = "go on with the same command", stop.signal_number
            raise Interrupted(f"{stop.message}; {done}", way_on, signal_number=number) from stop


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
    """Refuse a folder with a run of another recipe: it would be taken for this one's."""
    if not each.folder.exists():
        return
    found, planned = (
        flat(part_bearing_upon(document, "training", "start"))
        for document in (read_recipe(each.folder.recipe).document, each.document)
    )
    if changes := [
        f"{key} {one} there, {new} here" for key, one, new in differences(found, planned)
    ]:
        raise UsageError(
            f"{each.folder.path} holds a run of another recipe: {', '.join(changes)}",
            "choose another folder with --out",
        )


def toggles_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return everything that can be taken out of a resolved recipe.

    These are its regularizers, the average of the generator's weights, a player's own optimizer,
    a schedule of the learning rate, and options that are true.
    """
    return tuple(_toggles(document))


def without(document: Mapping[str, Any], toggle: str) -> dict[str, Any]:
    """Return a copy of a resolved recipe without a part, which `toggles_of` names."""
    found = toggles_of(document)
    if toggle not in found:
        there = f"there are: {', '.join(found)}" if found else "it has nothing to toggle"
        raise UsageError(
            f"the recipe has no '{toggle}' that could be toggled",
            "; ".join(filter(None, (guess(toggle, found), there))),
        )
    changed = copy.deepcopy(dict(document))
    table, _, option = toggle.partition(".")
    if table == ARRAY:
        del changed[ARRAY][_names(document).index(option)]
    elif toggle == "ema":
        changed["ema"].pop("half_life_images")
        changed.get("sampling", {}).pop("weights", None)
    elif table == "optimizer":
        _without_optimizer(changed["optimizer"], option)
    else:
        changed[table][option] = False
    return {name: value for name, value in changed.items() if value != []}


def _without_optimizer(table: dict[str, Any], option: str) -> None:
    """Give a player what both share, or all of them a constant learning rate."""
    if option in PLAYERS:
        del table[option]
        return
    for each in (table, *(table[player] for player in PLAYERS if player in table)):
        each["schedule"] = "constant"
        if isinstance(each.get("learning_rate"), dict):
            each["learning_rate"] = each["learning_rate"]["start"]


def _has_schedule(optimizer: Mapping[str, Any]) -> bool:
    named = optimizer.get("schedule", "constant") != "constant"
    return named or isinstance(optimizer.get("learning_rate"), dict)


def _toggles(document: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{ARRAY}.{name}" for name in _names(document))
    if "half_life_images" in document.get("ema", {}):
        yield "ema"
    optimizer = document.get("optimizer", {})
    yield from (f"optimizer.{player}" for player in PLAYERS if player in optimizer)
    tables = (optimizer, *(optimizer.get(player, {}) for player in PLAYERS))
    if any(map(_has_schedule, tables)):
        yield "optimizer.schedule"
    for table, options in part_bearing_upon(document, "training").items():
        if isinstance(options, dict) and table != "optimizer":
            yield from (f"{table}.{name}" for name, value in options.items() if value is True)


def _names(document: Mapping[str, Any]) -> list[str]:
    """Return what each regularizer is called: its name, or its place where several have that."""
    uses = [bare(str(entry["use"])) for entry in document.get(ARRAY, ())]
    return [use if uses.count(use) == 1 else str(place) for place, use in enumerate(uses)]
