"""`gantool ablate`: what each part of a recipe is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.arguments import (
    DeviceOption,
    JsonOption,
    QuietOption,
    RecipeArgument,
    SetOption,
    VerboseOption,
    examples,
    in_all,
    option,
    separate,
    starting_each,
    typed_recipe,
    verbosity,
)
from gantool.cli.runs.compare import present

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from gantool.launch.ablation import Planned


def complete_toggle(context: typer.Context, incomplete: str) -> list[str]:
    """Offer the parts of the recipe that was typed, after a comma too."""
    from gantool.launch.ablation import toggles_of

    recipe = typed_recipe(context)
    return [] if recipe is None else starting_each(incomplete, toggles_of(recipe.document))


ToggleOption = Annotated[
    list[str],
    option(
        "--toggle",
        "PARTS",
        "Parts to take out, one at a time, separated by commas; may be repeated.",
        autocompletion=complete_toggle,
    ),
]
SeedsOption = Annotated[
    int, typer.Option(min=1, metavar="K", help="Training seeds of every variant.")
]
StepsOption = Annotated[int | None, option("--steps", "N", "Generator updates of a run.", min=1)]
OutOption = Annotated[
    Path | None, option("--out", "FOLDER", "Folder of all runs; by default runs/RECIPE-ablation.")
]
ReportOption = Annotated[Path | None, option("--report", "FILE", "Write the comparison as HTML.")]
EXAMPLES = """
gantool ablate r3 --toggle regularizers.r1,regularizers.r2,ema --seeds 3 --steps 2000
gantool ablate spectral --toggle regularizers.spectral-norm --toggle optimizer.discriminator
gantool ablate mine.toml --toggle ema --set 'metrics=[{use="kid"}]' --report ablation.html
"""


@examples(EXAMPLES)
def ablate(  # noqa: PLR0913  one argument an option
    recipe: RecipeArgument,
    *,
    toggle: ToggleOption,
    seeds: SeedsOption = 3,
    overrides: SetOption = None,
    steps: StepsOption = None,
    out: OutOption = None,
    report: ReportOption = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
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

    console, level = open_console(), verbosity(quiet=quiet, verbose=verbose)
    said, toggles = in_all(overrides, steps), separate(toggle)
    with show_warnings(console):
        planned = plan_ablation(recipe, toggles, seeds=seeds, overrides=said, out=out)
        told = None if level == "quiet" else _announcing(console, len(planned))
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
