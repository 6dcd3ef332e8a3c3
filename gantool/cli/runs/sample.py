"""`gantool sample`: draw pictures from a trained generator."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gantool.cli.arguments import (
    CheckpointOption,
    DeviceOption,
    RunArgument,
    examples,
    option,
)
from gantool.cli.output import print_lines
from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.evaluation.sampling.arrangements import Wanted
    from gantool.evaluation.sampling.generator import TrainedGenerator

PICTURES = 16
ROWS = 8
"""Rows, columns or stops, where these are what is counted."""
FRAMES = 24
"""Frames of a walk from one picture to the next: a second."""
CountOption = Annotated[
    int | None,
    option(
        "--count",
        "N",
        "Number of pictures, by default 16; with --interpolate of rows, with --classes of "
        "columns, with --walk of pictures passed: by default 8.",
        min=1,
    ),
]
GridOption = Annotated[bool, typer.Option("--grid", help="Put them all into one picture.")]
SeedOption = Annotated[
    int, typer.Option("--seed", min=0, metavar="N", help="The same seed gives the same pictures.")
]
ClassOption = Annotated[
    str | None,
    option("--class", "CLASS", "Name or number of a class, if the run is conditional."),
]
ClassesOption = Annotated[
    bool, typer.Option("--classes", help="One row a class, from the same latents.")
]
InterpolateOption = Annotated[
    int | None,
    option(
        "--interpolate",
        "N",
        "N pictures on the way from one to another, a row each; with --walk, N frames.",
        min=2,
    ),
]
TruncationOption = Annotated[
    float | None,
    option(
        "--truncation",
        "PSI",
        "More typical, less varied pictures: latents farther than PSI from 0 are drawn "
        "again (Brock et al. 2019); where the generator has styles, they are kept at PSI of "
        "their distance from the mean (Karras et al. 2019).",
    ),
]
WalkOption = Annotated[
    Path | None,
    option("--walk", "FILE", "A film that walks from picture to picture: .webp, .gif or .mp4."),
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
    option(
        "--out",
        "PATH",
        "A folder, or a PNG file where there is one picture; by default in the run's samples.",
    ),
]
EXAMPLES = """
gantool sample runs/quickstart-2026-01-31-1 --grid
gantool sample runs/quickstart-2026-01-31-1 --count 100 --seed 7 --out pictures
gantool sample runs/quickstart-2026-01-31-1 --weights raw --grid
gantool sample runs/quickstart-2026-01-31-1 --interpolate 8
gantool sample runs/quickstart-2026-01-31-1 --walk walk.webp
gantool sample runs/portraits-2026-01-31-1 --class Rembrandt
gantool sample runs/portraits-2026-01-31-1 --classes
"""


@examples(EXAMPLES)
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
        print_lines(_draw(generator, run, wish))


@dataclass(frozen=True)
class Wish:
    """The options of `gantool sample`, as its help explains them."""

    count: int | None = None
    grid: bool = False
    seed: int = 0
    label: str | None = None
    classes: bool = False
    interpolate: int | None = None
    truncation: float | None = None
    walk: Path | None = None
    out: Path | None = None

    @property
    def arrangement(self) -> str | None:
        """The option that puts all pictures into one, if there is one."""
        if self.interpolate is not None:
            return "--interpolate"
        return "--classes" if self.classes else "--grid" if self.grid else None

    @property
    def rows(self) -> int:
        """Rows of interpolations, columns of classes or stops of a walk."""
        return self.count or ROWS

    def check(self) -> None:
        """Refuse options that exclude each other, before anything is drawn."""
        self._check_combination()
        if self.truncation is not None and not 0 <= self.truncation < math.inf:
            raise UsageError(f"--truncation takes a number from 0 on, got {self.truncation:g}")
        if self.walk is not None:
            from gantool.reporting.pictures.films import check_film

            check_film(self.walk)
        elif self.out is not None:
            self._check_target(self.out)

    def _check_combination(self) -> None:
        said = {
            "--walk": self.walk is not None,
            "--classes": self.classes,
            "--class": self.label is not None,
            "--interpolate": self.interpolate is not None,
            "--grid": self.grid,
            "--out": self.out is not None,
        }
        for name, others in EXCLUDED.items():
            for other in others:
                if said[name] and said[other]:
                    raise UsageError(f"{name} and {other} exclude each other")

    def _check_target(self, out: Path) -> None:
        """Refuse a file where a folder is needed, and the other way round."""
        is_file = out.suffix.lower() == ".png"
        if self.arrangement and not is_file:
            message = f"with {self.arrangement}, --out is a PNG file, got {out}"
            raise UsageError(message, f"try {out}.png")
        if is_file and not self.arrangement and self.count != 1:
            message = f"without --grid, --out is a folder for {self.count or PICTURES} pictures"
            raise UsageError(f"{message}, got {out}", "add --grid, or --count 1")


EXCLUDED = {
    "--walk": ("--classes", "--grid", "--out"),
    "--classes": ("--class", "--interpolate"),
}


def _draw(generator: TrainedGenerator, place: Path, wish: Wish) -> Iterator[Path]:
    """Draw what is wished for from a generator in a folder, and yield the path of each file."""
    from gantool.files.plain import make_below

    wanted, columns = _arranged(generator, wish)
    count, truncation = len(wanted.latents), wish.truncation
    chunks = generator.pixel_chunks(wanted.latents, wanted.labels, truncation=truncation)
    chunks = chain([next(chunks)], chunks)  # the first are drawn: what can fail has not
    if wish.walk is not None:
        import numpy as np

        from gantool.reporting.pictures.films import save_film

        save_film(np.concatenate(list(chunks)), wish.walk)
        yield wish.walk
        return
    target = wish.out or _default_target(generator, place, wish)
    if wish.out is None:
        make_below(place, target if wish.arrangement is None else target.parent)
    if wish.arrangement:
        from gantool.reporting.pictures.grids import stream_grid

        names = generator.classes if wish.classes else ()
        stream_grid(chunks, count, target, columns, names)
        yield target
        return
    from gantool.reporting.pictures.grids import save_png, to_image

    digits = max(4, len(str(count - 1)))
    is_file = target.suffix.lower() == ".png" and count == 1
    for number, picture in enumerate(chain.from_iterable(chunks)):
        path = target if is_file else target / f"{number:0{digits}d}.png"
        save_png(to_image(picture), path, durably=False)
        yield path


def _arranged(generator: TrainedGenerator, wish: Wish) -> tuple[Wanted, int | None]:
    """Return what is to be drawn, and how many stand in a row, where that is given."""
    from gantool.evaluation.sampling.arrangements import (
        Wanted,
        class_rows,
        interpolations,
        walk_frames,
    )

    rows, seed, truncation = wish.rows, wish.seed, wish.truncation
    if wish.walk is not None:
        frames = wish.interpolate or FRAMES
        film = walk_frames(generator, rows, frames, seed, wish.label, truncation=truncation)
        return film, None
    if wish.classes:
        return class_rows(generator, rows, seed, truncation=truncation), rows
    if (columns := wish.interpolate) is not None:
        ways = interpolations(generator, rows, columns, seed, wish.label, truncation=truncation)
        return ways, columns
    count = wish.count or PICTURES
    latents = generator.latents(count, seed, truncation=truncation)
    return Wanted(latents, generator.labels(count, seed, wish.label)), None


def _default_target(generator: TrainedGenerator, place: Path, wish: Wish) -> Path:
    """Return where pictures go: a name that says what was drawn."""
    parts = [f"drawn-step-{generator.step:08d}-seed-{wish.seed}"]
    if wish.label is not None:
        parts.append(re.sub(r"[^\w.-]+", "-", wish.label))
    if wish.truncation is not None:
        parts.append(f"truncation-{wish.truncation:g}")
    if wish.classes:
        parts.append(f"classes-{wish.rows}")
    elif wish.interpolate is not None:
        parts.append(f"interpolate-{wish.rows}x{wish.interpolate}")
    elif wish.grid:
        parts.append(f"grid-{wish.count or PICTURES}")
    return place / "samples" / ("-".join(parts) + (".png" if wish.arrangement else ""))
