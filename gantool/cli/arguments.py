"""Arguments and options of commands, and what the shell offers for them when Tab is pressed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pydantic import BaseModel

    from gantool.recipe.schema import Recipe
    from gantool.reporting.console.messages import Level

Command = TypeVar("Command", bound="Callable[..., None]")


def examples(*lines: str) -> Callable[[Command], Command]:
    """Give a command the examples that its page ends with."""

    def mark(command: Command) -> Command:
        command.examples = "\n".join(lines)  # type: ignore[attr-defined]
        return command

    return mark


def argument(metavar: str, help: str, complete: Callable[..., list[str]] | None = None) -> Any:
    """Declare an argument of a command."""
    return typer.Argument(metavar=metavar, help=help, autocompletion=complete, show_default=False)


def option(flag: str, metavar: str, help: str, **details: Any) -> Any:
    """Declare an option of a command whose default is told in its help, if it has one."""
    return typer.Option(flag, metavar=metavar, help=help, show_default=False, **details)


def complete_recipe(incomplete: str) -> list[str]:
    """Offer shipped recipes, recipe files and folders."""
    return [*complete_shipped(incomplete), *_paths(incomplete, ".toml")]


def complete_shipped(incomplete: str) -> list[str]:
    """Offer the names of shipped recipes."""
    from gantool.recipe.shipped import shipped_names

    return starting(incomplete, shipped_names())


def complete_run(incomplete: str) -> list[str]:
    """Offer the runs in `runs/`, the newest first, and folders."""
    from gantool.runs.folder import RUNS, list_runs

    runs = [str(run.path) for run in list_runs(Path(RUNS))]
    return starting(incomplete, runs) or list(_paths(incomplete))


def complete_kind(incomplete: str) -> list[str]:
    """Offer the kinds of components."""
    from gantool.interfaces.component import KINDS

    return starting(incomplete, KINDS)


def complete_override(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the options of the core's tables, and those of the recipe's components."""
    from gantool.interfaces.optimizer import Optimizer
    from gantool.recipe.schema import CORE_TABLES, LISTS, SINGLES

    models: list[tuple[str, type[BaseModel]]] = [*CORE_TABLES.items(), ("optimizer", Optimizer)]
    if recipe := typed_recipe(context):
        models += [(kind, type(getattr(recipe, kind))) for kind in SINGLES]
        models.append(("optimizer", type(recipe.optimizer["generator"])))
        lists = ((array, each) for array in LISTS for each in getattr(recipe, array))
        models += [(f"{array}.{each.name}", type(each)) for array, each in lists]
    keys = dict.fromkeys(
        f"{table}.{name}=" for table, model in models for name in model.model_fields
    )
    return starting(incomplete, keys)


def check_kind(kind: str) -> None:
    """Refuse a kind of components that there is not."""
    from gantool.interfaces.component import KINDS

    if kind not in KINDS:
        raise UsageError(f"unknown kind '{kind}'", f"kinds: {', '.join(KINDS)}")


def component_names(kind: str) -> list[str]:
    """Return the names of the installed components of a kind."""
    from gantool.registry.catalog import installed

    return installed().names(kind)


def typed_recipe(context: typer.Context) -> Recipe | None:
    """Return the recipe that was typed; None if there is none yet, or it cannot be read."""
    from gantool.errors import GantoolError
    from gantool.recipe.reading import read_recipe

    words = [context.params.get("recipe"), *context.args]  # where depends on what was typed
    with suppress(GantoolError, StopIteration):
        return read_recipe(next(filter(None, words)))
    return None


def starting(incomplete: str, choices: Iterable[str]) -> list[str]:
    """Return the choices that begin as was typed."""
    return [choice for choice in choices if choice.startswith(incomplete)]


def starting_each(incomplete: str, choices: Iterable[str]) -> list[str]:
    """Return the choices that begin as was typed after the last comma."""
    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{choice}" for choice in starting(begun, choices)]


RECIPE = argument("RECIPE", "A recipe file, or the name of a shipped recipe.", complete_recipe)
RecipeArgument = Annotated[str, RECIPE]
RunArgument = Annotated[Path, argument("RUN", "A run folder.", complete_run)]
SetOption = Annotated[
    list[str] | None,
    option(
        "--set",
        "KEY=VALUE",
        "Override one option of the recipe; may be repeated.",
        autocompletion=complete_override,
    ),
]
DeviceOption = Annotated[str | None, option("--device", "NAME", "auto, cpu, cuda, cuda:1 or mps.")]
CheckpointOption = Annotated[
    str | None,
    option(
        "--checkpoint",
        "NAME",
        "newest, best (by score) or a number of steps; by default the newest.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
QuietOption = Annotated[
    bool, typer.Option("--quiet", help="Show warnings, errors and results only.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", help="Show the figures of every log interval.")
]
WorkersOption = Annotated[
    int | None,
    option(
        "--workers",
        "N",
        "Processes to decode in; by default as many as are worth starting.",
        min=1,
    ),
]


def verbosity(*, quiet: bool, verbose: bool = False) -> Level:
    """Return how much is shown; refuse both."""
    if quiet and verbose:
        raise UsageError("--quiet and --verbose exclude each other", "choose one of them")
    return "quiet" if quiet else "verbose" if verbose else "normal"


def in_all(
    overrides: Iterable[str] | None, steps: int | None = None, device: str | None = None
) -> list[str]:
    """Return what is said over a recipe, by `--set` and by options of their own."""
    said = list(overrides or ())
    said += [f"training.steps={steps}"] if steps is not None else []
    return said + ([f"device.name={device}"] if device is not None else [])


def separate(lists: Iterable[str] | None) -> list[str]:
    """Return the names in lists with commas."""
    return [name.strip() for each in lists or () for name in each.split(",") if name.strip()]


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
