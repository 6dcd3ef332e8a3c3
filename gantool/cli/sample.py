"""`gantool sample`: draw pictures from a trained generator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.arguments import DebugOption, DeviceOption, RunArgument
from gantool.cli.output import print_lines
from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from gantool.evaluation.trained import TrainedRun

EXAMPLES = """
gantool sample runs/quickstart-2026-01-31-1 --grid
gantool sample runs/quickstart-2026-01-31-1 --count 100 --seed 7 --out pictures
gantool sample runs/portraits-2026-01-31-1 --class Rembrandt
"""


def sample(
    run: RunArgument,
    *,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="Number of pictures.")] = 16,
    grid: Annotated[bool, typer.Option("--grid", help="Put them all into one picture.")] = False,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="The same seed gives the same pictures.")
    ] = 0,
    label: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="CLASS",
            help="Name or number of a class, if the run is conditional.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="A folder, or with --grid a PNG file; by default in the run's samples.",
            show_default=False,
        ),
    ] = None,
    device: DeviceOption = None,
    debug: DebugOption = False,
) -> None:
    """Draw pictures from a trained generator.

    The paths of the PNG files are printed.
    """
    from gantool.evaluation.sampling import to_pixels
    from gantool.evaluation.trained import TrainedRun
    from gantool.reporting.messages import show_warnings
    from gantool.reporting.streams import open_console
    from gantool.runs.folder import existing_folder

    folder = existing_folder(run)
    if out is not None:
        check_target(out, grid=grid)
    with show_warnings(open_console()):
        trained = TrainedRun(folder, device)
        pixels = to_pixels(trained.sample(count, seed=seed, label=label))
        target = out or default_target(trained, seed, label, count if grid else None)
        print_lines(save(pixels, target, grid=grid))


def check_target(out: Path, *, grid: bool) -> None:
    """Refuse a file where a folder is needed, and the other way round.

    Raises:
        UsageError: When it has the other form.
    """
    is_file = out.suffix.lower() == ".png"
    if grid and not is_file:
        raise UsageError(f"with --grid, --out is a PNG file, got {out}", f"try {out}.png")
    if is_file and not grid:
        raise UsageError(f"without --grid, --out is a folder, got {out}", "add --grid")


def default_target(trained: TrainedRun, seed: int, label: str | None, grid: int | None) -> Path:
    """Return where pictures go: a name that says what was drawn.

    Args:
        trained: Whose pictures they are.
        seed: Where their latents start.
        label: Their class, if one was chosen.
        grid: Number of pictures in a grid; None for a folder of single ones.
    """
    of_class = "" if label is None else "-" + re.sub(r"[^\w.-]+", "-", label)
    name = f"drawn-step-{trained.step:08d}-seed-{seed}{of_class}"
    return trained.folder.samples / (name if grid is None else f"{name}-grid-{grid}.png")


def save(pixels: NDArray[np.uint8], target: Path, *, grid: bool) -> Iterator[Path]:
    """Write pictures and yield the path of each file.

    Args:
        pixels: uint8 [N, H, W, C].
        target: The file of a grid, or the folder of single pictures.
        grid: Whether all go into one picture.

    Raises:
        OSError: When a file cannot be written.
    """
    from PIL import Image

    from gantool.reporting.aside import written_aside
    from gantool.reporting.grids import save_grid

    if grid:
        save_grid(pixels, target)
        yield target
        return
    digits = max(4, len(str(len(pixels) - 1)))
    for number, picture in enumerate(pixels):
        path = target / f"{number:0{digits}d}.png"
        with written_aside(path) as aside:
            Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(
                aside, format="PNG"
            )
        yield path
