"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.completion import complete_override, complete_recipe, complete_run
from gantool.errors import UsageError

if TYPE_CHECKING:
    from gantool.reporting.console.messages import Level


def show_tracebacks(wanted: bool) -> None:
    """Let every failure show where in the code it arose."""
    if wanted:
        import logging

        logging.getLogger("gantool").setLevel(logging.DEBUG)


RECIPE = typer.Argument(
    metavar="RECIPE",
    help="A recipe file, or the name of a shipped recipe.",
    autocompletion=complete_recipe,
    show_default=False,
)
RecipeArgument = Annotated[str, RECIPE]
RunArgument = Annotated[
    Path,
    typer.Argument(
        metavar="RUN", help="A run folder.", autocompletion=complete_run, show_default=False
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override one option of the recipe; may be repeated.",
        autocompletion=complete_override,
        show_default=False,
    ),
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.", show_default=False
    ),
]
CheckpointOption = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        metavar="NAME",
        help="newest, best (by score) or a number of steps; by default the newest.",
        show_default=False,
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
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Processes to decode in; by default as many as are worth starting.",
        show_default=False,
    ),
]
DebugOption = Annotated[
    bool,
    typer.Option("--debug", help="Show the traceback of every failure.", callback=show_tracebacks),
]


def verbosity(*, quiet: bool, verbose: bool) -> Level:
    """Return how much is shown.

    Raises:
        UsageError: When both are asked for.
    """
    if quiet and verbose:
        raise UsageError("--quiet and --verbose exclude each other", "choose one of them")
    return "quiet" if quiet else "verbose" if verbose else "normal"
