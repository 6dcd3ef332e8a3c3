"""`gantool report`: everything a run's folder tells, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.arguments import DeviceOption, QuietOption, RunArgument, examples, option
from gantool.cli.output import print_result
from gantool.cli.runs.evaluate import scoring
from gantool.errors import GantoolError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from gantool.reporting.report.writing import Neighbors
    from gantool.runs.folder import RunFolder

SKIPPED = "They were not looked for: --no-neighbors."
AnimationOption = Annotated[
    Path | None,
    option("--animation", "FILE", "Show training as a moving picture too, in this WebP file."),
]
NeighborsOption = Annotated[
    bool,
    typer.Option(
        "--neighbors/--no-neighbors", help="Look for the training images nearest to new ones."
    ),
]
EXAMPLES = """
gantool report runs/base-2026-01-31-1
gantool report runs/base-2026-01-31-1 --open
gantool report runs/base-2026-01-31-1 --animation training.webp
"""


@examples(EXAMPLES)
def report(
    run: RunArgument,
    *,
    out: Annotated[
        Path | None, option("--out", "FILE", "By default report.html in the run folder.")
    ] = None,
    animation: AnimationOption = None,
    neighbors: NeighborsOption = True,
    opened: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
    device: DeviceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write a run's report: one HTML page that needs no network.

    It holds the verdict, the pictures over training, curves, scores and how they were obtained,
    the nearest training images, and the recipe. The page's path is printed.
    """
    from gantool.reporting.console.messages import open_console, show_warnings
    from gantool.reporting.report.writing import write_report
    from gantool.runs.folder import existing_folder

    folder, console = existing_folder(run), open_console()
    _check_targets(out, animation)
    with show_warnings(console):
        if animation is not None:
            _animate(folder, animation)
            _announce("animation", animation, console, quiet=quiet)
        found = _look(folder, device, console, quiet=quiet) if neighbors else SKIPPED
        page = write_report(folder, out, neighbors=found)
    _announce("report", page, console, quiet=quiet)
    if opened:
        typer.launch(page.resolve().as_uri())


def _check_targets(out: Path | None, animation: Path | None) -> None:
    for option_, path, suffix in (("--out", out, ".html"), ("--animation", animation, ".webp")):
        if path is not None and path.suffix.lower() != suffix:
            raise UsageError(f"{option_} is a {suffix} file, got {path}", f"try {path}{suffix}")


def _look(
    folder: RunFolder, device: str | None, console: Console, *, quiet: bool
) -> Neighbors | str:
    """Return the nearest neighbors, or why there are none to show."""
    from gantool.evaluation.neighbors import search
    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.reporting.report.writing import read_logged, show_neighbors

    read_logged(folder)  # refuses a run without figures before anything takes long
    try:
        with scoring(console, quiet=quiet) as progress:
            return show_neighbors(*search(TrainedRun(folder, device), progress))
    except GantoolError as error:
        return f"They were not looked for: {error.message}. {error.hint or ''}"


def _animate(folder: RunFolder, path: Path) -> None:
    from gantool.reporting.pictures.films import write_animation
    from gantool.reporting.report.writing import labeled_grids, read_logged
    from gantool.runs.history import grid_images, tile

    run = read_logged(folder)
    if not (grids := labeled_grids(run)):
        raise UsageError(f"run {folder.path} has drawn no sample grid yet")
    write_animation(grids, tile(run.document), grid_images(run.document), path)


def _announce(what: str, path: Path, console: Console, *, quiet: bool) -> None:
    """Say where a file is: to a person on stderr, to a program on stdout."""
    from gantool.reporting.console.messages import say

    if not quiet:
        say(console, (f"{what:<10}", "bold"), str(path))
    print_result(path)
