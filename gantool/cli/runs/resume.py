"""`gantool resume`: go on with a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.arguments import (
    DebugOption,
    DeviceOption,
    QuietOption,
    SetOption,
    VerboseOption,
    verbosity,
)
from gantool.cli.completion import complete_run
from gantool.cli.output import print_result

EXAMPLES = """
gantool resume
gantool resume runs/quickstart-2026-01-31-1
gantool resume runs/quickstart-2026-01-31-1 --steps 1200
gantool resume runs/base-2026-01-31-1 --set optimizer.learning_rate=0.0002 --override
"""


def resume(
    run: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN",
            help="A run folder; by default the one in runs/ that was trained last.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="A new total of steps.", show_default=False),
    ] = None,
    overrides: SetOption = None,
    override: Annotated[
        bool,
        typer.Option("--override", help="Go on although a change would alter the training."),
    ] = False,
    device: DeviceOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    debug: DebugOption = False,
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
