"""`gantool bench`: measure how fast a recipe trains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.arguments import (
    DebugOption,
    DeviceOption,
    JsonOption,
    QuietOption,
    RecipeArgument,
    SetOption,
    verbosity,
)
from gantool.cli.output import print_json

EXAMPLES = """
gantool bench quickstart
gantool bench base --set dataset.folder=data/paintings --steps 30 --json
gantool bench base --against my_loop.py
"""


def bench(
    recipe: RecipeArgument,
    *,
    overrides: SetOption = None,
    steps: Annotated[
        int, typer.Option(min=2, metavar="N", help="Steps to time; on a GPU, means of ten.")
    ] = 20,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="SCRIPT",
            help="Time another program's loop by turns: a file with prepare(images) -> step().",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Measure how fast a recipe trains, and where the time goes.

    Nothing is saved. Figures of a machine that is at other work too are marked as such.
    """
    from gantool import launch
    from gantool.launch.benchmarking.showing import show_benchmark
    from gantool.reporting.console.messages import open_console

    level = verbosity(quiet=quiet, verbose=False)
    said = [*(overrides or ()), *([f"device.name={device}"] if device is not None else [])]
    found = launch.bench(recipe, said, rounds=steps, against=against, level=level)
    if as_json:
        print_json(found.as_data())
    else:
        show_benchmark(found, open_console())
