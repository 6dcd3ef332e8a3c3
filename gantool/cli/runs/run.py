"""`gantool run`, `resume`, `bench` and `list-runs`: train, go on, time it, and look back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.arguments import (
    RECIPE,
    DeviceOption,
    JsonOption,
    QuietOption,
    RecipeArgument,
    SetOption,
    VerboseOption,
    argument,
    complete_run,
    examples,
    in_all,
    option,
    verbosity,
)
from gantool.cli.output import print_json, print_listing, print_result, tell
from gantool.errors import UsageError

if TYPE_CHECKING:
    from gantool.runs.documents import Damages
    from gantool.runs.folder import RunFolder

COLUMNS = ("run", "recipe", "step", "steps", "outcome", "created")


@examples(
    "gantool run quickstart",
    "gantool run recipes/spectral.toml --set dataset.folder=data/paintings",
    "gantool run base --steps 2000 --set training.seed=7 --out runs/seed-7",
    "gantool run base --dry-run",
)
def run(
    recipe: Annotated[str | None, RECIPE] = None,
    *,
    overrides: SetOption = None,
    out: Annotated[Path | None, option("--out", "FOLDER", "The run folder itself.")] = None,
    steps: Annotated[int | None, option("--steps", "N", "Generator updates in all.", min=1)] = None,
    device: DeviceOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try it out, and tell time and memory of the run.")
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Train what a recipe describes.

    The run goes to a new folder, runs/RECIPE-DATE-N. Ctrl-C saves it first; gantool resume goes on.
    """
    from gantool import launch

    if recipe is None:
        raise UsageError("missing argument RECIPE", f"your own file, or one of:\n{_shipped()}")
    level = verbosity(quiet=quiet, verbose=verbose)
    said = in_all(overrides, steps, device)
    if dry_run:
        launch.dry_run(recipe, said, level=level)
    else:
        print_result(launch.run(recipe, said, out=out, level=level).folder.path)


def _shipped() -> str:
    from gantool.recipe.shipped import shipped_recipes

    recipes = shipped_recipes()
    widest = max(len(each.name) for each in recipes)
    return "\n".join(f"  {each.name:<{widest}}  {each.summary}" for each in recipes)


@examples(
    "gantool resume",
    "gantool resume runs/quickstart-2026-01-31-1",
    "gantool resume runs/quickstart-2026-01-31-1 --steps 1200",
    "gantool resume runs/base-2026-01-31-1 --set optimizer.learning_rate=0.0002 --override",
)
def resume(
    run: Annotated[
        Path | None,
        argument(
            "RUN", "A run folder; by default the one in runs/ that was trained last.", complete_run
        ),
    ] = None,
    steps: Annotated[int | None, option("--steps", "N", "A new total of steps.", min=1)] = None,
    overrides: SetOption = None,
    override: Annotated[
        bool,
        typer.Option("--override", help="Go on although a change would alter the training."),
    ] = False,
    device: DeviceOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Go on with a run from its newest intact checkpoint.

    The recipe comes from the run folder, and the result is as if the run had never stopped. What
    has changed since is shown, and refused where it would alter the training.
    """
    from gantool import launch

    level = verbosity(quiet=quiet, verbose=verbose)
    trained = launch.resume(
        run, overrides or (), steps=steps, device=device, override=override, level=level
    )
    print_result(trained.folder.path)


@examples(
    "gantool bench quickstart",
    "gantool bench base --set dataset.folder=data/paintings --steps 30 --json",
    "gantool bench base --against my_loop.py",
)
def bench(
    recipe: RecipeArgument,
    *,
    overrides: SetOption = None,
    steps: Annotated[
        int, typer.Option(min=2, metavar="N", help="Steps to time; on a GPU, means of ten.")
    ] = 20,
    against: Annotated[
        Path | None,
        option(
            "--against",
            "SCRIPT",
            "Time another program's loop by turns: a file with prepare(images) -> step().",
        ),
    ] = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure how fast a recipe trains, and where the time goes.

    Nothing is saved. Figures of a machine that is at other work too are marked as such.
    """
    from gantool import launch
    from gantool.launch.benchmarking.benchmark import show_benchmark
    from gantool.reporting.console.messages import open_console

    said, level = in_all(overrides, device=device), verbosity(quiet=quiet)
    found = launch.bench(recipe, said, rounds=steps, against=against, level=level)
    if as_json:
        print_json(found.as_data())
    else:
        show_benchmark(found, open_console())


@examples("gantool list-runs", "gantool list-runs /data/experiments --json")
def list_runs(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the run folders are.")
    ] = Path("runs"),
    as_json: JsonOption = False,
) -> None:
    """List the runs in a folder, the one trained last first; what cannot be read is named."""
    from gantool.runs import folder as folders
    from gantool.runs.documents import Damages

    damages = Damages()
    runs = [_as_data(run, damages) for run in folders.list_runs(folder)]
    for word in damages.words:
        tell(f"warning: {word}")
    if as_json:
        print_json(runs)
        return
    records = [[run.get(column, "") for column in COLUMNS] for run in runs]
    shown = [[*map(str, rest), _local(created)] for *rest, created in records]
    print_listing(COLUMNS, records, shown)
    if not runs:
        tell(f"no runs in {folder}")


def _as_data(run: RunFolder, damages: Damages) -> dict[str, Any]:
    """Return a run as plain data; of one whose status cannot be read, only the folder."""
    from gantool.runs.status import read_status, state_of, step_reached

    try:
        status = read_status(run, damages)
        known = {"step": step_reached(run, status), "outcome": state_of(run, status)}
        return {"run": run.path, **asdict(status), **known}
    except UsageError as error:
        damages.note(run.description, error.message.partition(": ")[2])
        return {"run": run.path, "outcome": "unknown"}


def _local(moment: str) -> str:
    """Return a moment in the user's time zone, to the minute."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):  # the status is damaged
        return moment
