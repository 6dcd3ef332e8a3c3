"""`gantool ablate`: what each part of a recipe is worth."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.arguments import (
    DebugOption,
    DeviceOption,
    JsonOption,
    QuietOption,
    RecipeArgument,
    SetOption,
    VerboseOption,
    verbosity,
)
from gantool.cli.runs.compare import present
from gantool.cli.runs.evaluate import separate

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from gantool.launch.ablation import Planned

EXAMPLES = """
gantool ablate r3 --toggle regularizers.r1,regularizers.r2,ema --seeds 3 --steps 2000
gantool ablate spectral --toggle regularizers.spectral-norm --toggle optimizer.discriminator
gantool ablate mine.toml --toggle ema --set 'metrics=[{use="kid"}]' --report ablation.html
"""


def complete_toggle(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the parts of the recipe that was typed, after a comma too."""
    from gantool.errors import GantoolError
    from gantool.launch.ablation import toggles_of
    from gantool.recipe.reading import read_recipe

    before, comma, begun = incomplete.rpartition(",")
    words = [context.params.get("recipe"), *context.args]  # where depends on what was typed
    with suppress(GantoolError, StopIteration):  # no recipe yet, or none that can be read
        parts = toggles_of(read_recipe(next(filter(None, words))).document)
        return [f"{before}{comma}{part}" for part in parts if part.startswith(begun)]
    return []


def ablate(  # noqa: PLR0913  one argument an option
    recipe: RecipeArgument,
    *,
    toggle: Annotated[
        list[str],
        typer.Option(
            metavar="PARTS",
            help="Parts to take out, one at a time, separated by commas; may be repeated.",
            autocompletion=complete_toggle,
            show_default=False,
        ),
    ],
    seeds: Annotated[
        int, typer.Option(min=1, metavar="K", help="Training seeds of every variant.")
    ] = 3,
    overrides: SetOption = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Generator updates of a run.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of all runs; by default runs/RECIPE-ablation.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the comparison as HTML.", show_default=False),
    ] = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    debug: DebugOption = False,
) -> None:
    """Train a recipe as it is and without each of some parts, and compare.

    The grid: the full recipe, and the full recipe without each part by itself, every one with the
    same K seeds. Parts are regularizers.NAME, ema, optimizer.discriminator or .generator (what is
    that player's own), optimizer.schedule, and options that are true, as image.horizontal_flip.

    Said again, finished runs are left alone and stopped ones go on. Scores are those of the
    recipe's metrics; the closing table holds their mean ± standard deviation over the seeds.
    """
    from gantool.evaluation.comparison.comparison import compare
    from gantool.launch.ablation import plan_ablation, run_ablation
    from gantool.reporting.console.messages import open_console, show_warnings

    console = open_console()
    level = verbosity(quiet=quiet, verbose=verbose)
    said = [*(overrides or ()), *([] if steps is None else [f"training.steps={steps}"])]
    with show_warnings(console):
        planned = plan_ablation(recipe, separate(toggle), seeds=seeds, overrides=said, out=out)
        told = _announcing(console, len(planned)) if level != "quiet" else None
        run_ablation(planned, level=level, device=device, told=told)
        comparison = compare([each.folder for each in planned])
        present(comparison, report, None, as_json=as_json, quiet=quiet)


def _announcing(console: Console, runs: int) -> Callable[[int, Planned], None]:
    """Return what tells which of so many runs comes next."""
    from gantool.reporting.console.messages import say

    def tell(place: int, planned: Planned) -> None:
        number = f"run {place + 1} of {runs}"
        say(console, "\n", (number, "bold"), f"  {planned.variant}, seed {planned.seed}")

    return tell
