"""`gantool sample`: draw pictures from a trained generator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from gantool.cli.arguments import CheckpointOption, DebugOption, DeviceOption, RunArgument
from gantool.cli.output import print_lines
from gantool.cli.runs.drawing import Wish, draw

EXAMPLES = """
gantool sample runs/quickstart-2026-01-31-1 --grid
gantool sample runs/quickstart-2026-01-31-1 --count 100 --seed 7 --out pictures
gantool sample runs/quickstart-2026-01-31-1 --weights raw --grid
gantool sample runs/quickstart-2026-01-31-1 --interpolate 8
gantool sample runs/quickstart-2026-01-31-1 --walk walk.webp
gantool sample runs/portraits-2026-01-31-1 --class Rembrandt
gantool sample runs/portraits-2026-01-31-1 --classes
"""


CountOption = Annotated[
    int | None,
    typer.Option(
        "--count",
        min=1,
        metavar="N",
        help="Number of pictures, by default 16; with --interpolate of rows, with --classes of "
        "columns, with --walk of pictures passed: by default 8.",
        show_default=False,
    ),
]
GridOption = Annotated[bool, typer.Option("--grid", help="Put them all into one picture.")]
SeedOption = Annotated[
    int, typer.Option("--seed", min=0, metavar="N", help="The same seed gives the same pictures.")
]
ClassOption = Annotated[
    str | None,
    typer.Option(
        "--class",
        metavar="CLASS",
        help="Name or number of a class, if the run is conditional.",
        show_default=False,
    ),
]
ClassesOption = Annotated[
    bool, typer.Option("--classes", help="One row a class, from the same latents.")
]
InterpolateOption = Annotated[
    int | None,
    typer.Option(
        "--interpolate",
        min=2,
        metavar="N",
        help="N pictures on the way from one to another, a row each; with --walk, N frames.",
        show_default=False,
    ),
]
TruncationOption = Annotated[
    float | None,
    typer.Option(
        "--truncation",
        metavar="PSI",
        help="More typical, less varied pictures: latents farther than PSI from 0 are drawn "
        "again (Brock et al. 2019); where the generator has styles, they are kept at PSI of "
        "their distance from the mean (Karras et al. 2019).",
        show_default=False,
    ),
]
WalkOption = Annotated[
    Path | None,
    typer.Option(
        "--walk",
        metavar="FILE",
        help="A film that walks from picture to picture: .webp, .gif or .mp4.",
        show_default=False,
    ),
]
WeightsOption = Annotated[
    Literal["ema", "raw"] | None,
    typer.Option(
        "--weights",
        help="Averaged or raw weights of a run; by default as its recipe says.",
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="PATH",
        help="A folder, or a PNG file where there is one picture; by default in the run's samples.",
        show_default=False,
    ),
]


def sample(  # noqa: PLR0913  one argument an option
    run: RunArgument,
    *,
    count: CountOption = None,
    grid: GridOption = False,
    seed: SeedOption = 0,
    label: ClassOption = None,
    classes: ClassesOption = False,
    interpolate: InterpolateOption = None,
    truncation: TruncationOption = None,
    walk: WalkOption = None,
    out: OutOption = None,
    checkpoint: CheckpointOption = None,
    weights: WeightsOption = None,
    device: DeviceOption = None,
    debug: DebugOption = False,
) -> None:
    """Draw pictures from a trained generator: a run's, or one in an exported folder.

    The paths of the files are printed.
    """
    from gantool.launch import load
    from gantool.reporting.console.messages import open_console, show_warnings

    wish = Wish(count, grid, seed, label, classes, interpolate, truncation, walk, out)
    wish.check()
    with show_warnings(open_console()):
        generator = load(run, device=device, checkpoint=checkpoint, weights=weights)
        print_lines(draw(generator, run, wish))
