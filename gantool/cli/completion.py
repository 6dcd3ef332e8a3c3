"""Completions that the shell offers when the user presses Tab."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel

    from gantool.recipe.schema import Recipe


def complete_recipe(incomplete: str) -> list[str]:
    """Offer shipped recipes, recipe files and folders."""
    return [*complete_shipped(incomplete), *_paths(incomplete, ".toml")]


def complete_shipped(incomplete: str) -> list[str]:
    """Offer the names of shipped recipes."""
    from gantool.recipe.shipped import shipped_names

    return _starting(incomplete, shipped_names())


def complete_run(incomplete: str) -> list[str]:
    """Offer the runs in `runs/`, the newest first, and folders."""
    from gantool.runs.folder import RUNS, list_runs

    runs = [str(run.path) for run in list_runs(Path(RUNS))]
    return _starting(incomplete, runs) or list(_paths(incomplete))


def complete_component(incomplete: str) -> list[str]:
    """Offer every KIND/NAME."""
    from gantool.registry.catalog import installed

    return _starting(incomplete, sorted({f"{o.kind}/{o.name}" for o in installed().offers}))


def complete_kind(incomplete: str) -> list[str]:
    """Offer the kinds of components."""
    from gantool.interfaces.component import KINDS

    return _starting(incomplete, KINDS)


def complete_dataset(incomplete: str) -> list[str]:
    """Offer the names of datasets."""
    from gantool.registry.catalog import installed

    return _starting(incomplete, installed().names("dataset"))


def complete_cache(incomplete: str) -> list[str]:
    """Offer the entries of the cache."""
    from gantool.data.cache import entries

    return _starting(incomplete, (f"{entry.section}/{entry.name}" for entry in entries()))


def complete_override(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the options of the core's tables, and those of the recipe's components."""
    from gantool.errors import GantoolError
    from gantool.recipe.reading import read_recipe

    keys = list(_core_keys())
    words = [context.params.get("recipe"), *context.args]  # where depends on what was typed
    with suppress(GantoolError, StopIteration):  # no recipe yet, or none that can be read
        keys += _component_keys(read_recipe(next(filter(None, words))))
    return _starting(incomplete, [f"{key}=" for key in keys])


def _core_keys() -> Iterator[str]:
    from gantool.interfaces.optimizer import Optimizer
    from gantool.recipe.schema import CORE_TABLES

    models: dict[str, type[BaseModel]] = {**CORE_TABLES, "optimizer": Optimizer}
    for table, model in models.items():
        yield from (f"{table}.{option}" for option in model.model_fields)


def _component_keys(recipe: Recipe) -> Iterator[str]:
    from gantool.recipe.schema import LISTS, SINGLES

    for kind in SINGLES:
        yield from _options(kind, getattr(recipe, kind))
    known = set(_core_keys())
    options = _options("optimizer", recipe.optimizer["generator"])
    yield from (key for key in options if key not in known)
    for array in LISTS:
        for component in getattr(recipe, array):
            yield from _options(f"{array}.{component.name}", component)


def _options(table: str, model: BaseModel) -> Iterator[str]:
    yield from (f"{table}.{option}" for option in type(model).model_fields)


def _paths(incomplete: str, suffix: str | None = None) -> Iterator[str]:
    """Yield folders, and files with a suffix, whose path starts as said."""
    folder, start = os.path.split(incomplete)
    try:
        entries = sorted(os.scandir(folder or "."), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        hidden = entry.name.startswith(".") and not start.startswith(".")
        if hidden or not entry.name.startswith(start):
            continue
        path = os.path.join(folder, entry.name)
        if entry.is_dir():
            yield f"{path}/"
        elif suffix is not None and entry.name.endswith(suffix):
            yield path


def _starting(incomplete: str, choices: Iterable[str]) -> list[str]:
    return [choice for choice in choices if choice.startswith(incomplete)]
