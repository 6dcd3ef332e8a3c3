"""`gantool run`: train what a recipe describes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.arguments import (
    RECIPE,
    DebugOption,
    DeviceOption,
    QuietOption,
    SetOption,
    VerboseOption,
    verbosity,
)
from gantool.cli.output import print_result
from gantool.errors import UsageError

EXAMPLES = """
gantool run quickstart
gantool run recipes/spectral.toml --set dataset.folder=data/paintings
gantool run base --steps 2000 --set training.seed=7 --out runs/seed-7
gantool run base --dry-run
"""


def run(  # noqa: PLR0913  one argument an option
    recipe: Annotated[str | None, RECIPE] = None,
    *,
    overrides: SetOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The run folder itself.", show_default=False),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Generator updates in all.", show_default=False),
    ] = None,
    device: DeviceOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try it out, and tell time and memory of the run.")
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    debug: DebugOption = False,
) -> None:
    """Train what a recipe describes.

    The run goes to a new folder, runs/RECIPE-DATE-N. Ctrl-C saves it first; gantool resume goes on.
    """
    from gantool import launch

    if recipe is None:
        raise UsageError("missing argument RECIPE", f"your own file, or one of:\n{_shipped()}")
    level = verbosity(quiet=quiet, verbose=verbose)
    said = list(overrides or ())
    said += [f"training.steps={steps}"] if steps is not None else []
    said += [f"device.name={device}"] if device is not None else []
    if dry_run:
        launch.dry_run(recipe, said, level=level)
    else:
        print_result(launch.run(recipe, said, out=out, level=level).folder.path)


def _shipped() -> str:
    """Return the shipped recipes, one a line."""
    from gantool.recipe.shipped import shipped_recipes

    recipes = shipped_recipes()
    widest = max(len(each.name) for each in recipes)
    return "\n".join(f"  {each.name:<{widest}}  {each.summary}" for each in recipes)
