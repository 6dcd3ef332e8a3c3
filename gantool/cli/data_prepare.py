"""`gantool data prepare`: decode the images of a recipe ahead of its run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gantool.cli.arguments import (
    DebugOption,
    QuietOption,
    RecipeArgument,
    SetOption,
    WorkersOption,
    verbosity,
)
from gantool.cli.output import print_lines, print_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from gantool.data.prepare.decoding import Skipped
    from gantool.data.prepare.prepared import PreparedImages

EXAMPLES = """
gantool data prepare base
gantool data prepare base --set image.size=128 --set dataset.folder=data/paintings
"""
MOST_NAMED = 20
"""Skipped files that are named; the data doctor names all of them."""


def prepare(
    recipe: RecipeArgument,
    overrides: SetOption = None,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Decode the images of a recipe ahead of its run.

    Prints their number, the number of files that had to be skipped, and their folder. What was
    prepared before is found again; what was interrupted goes on.
    """
    from gantool.data.prepare import preparing
    from gantool.recipe.reading import read_recipe
    from gantool.reporting.console.messages import open_console, show_warnings
    from gantool.reporting.console.progress import preparation_progress

    console = open_console()
    level = verbosity(quiet=quiet, verbose=False)
    with show_warnings(console), preparation_progress(console, level) as progress:
        plan = read_recipe(recipe, overrides or ())
        prepared = preparing.prepare(
            plan.dataset, plan.tables.image, progress=progress, workers=workers
        )
    name_skipped(prepared.skipped, console)
    report(prepared)


def name_skipped(skipped: Sequence[Skipped], console: Console) -> None:
    """Name the files that cannot be used, and why."""
    from gantool.reporting.console.messages import WARNING_STYLE, say

    for image in skipped[:MOST_NAMED]:
        say(console, ("skipped:", WARNING_STYLE), f" {image.name}: {image.reason}")
    if (more := len(skipped) - MOST_NAMED) > 0:
        say(console, f"{more:,} more were skipped; gantool data inspect names them all")


def report(prepared: PreparedImages) -> None:
    """Print how many images there are, and where."""
    if sys.stdout.isatty():  # a long path stays in one piece
        count = f"{len(prepared):,} images, {len(prepared.skipped):,} files skipped"
        print_lines([count, prepared.folder])
    else:
        print_records([(len(prepared), len(prepared.skipped), prepared.folder)])
