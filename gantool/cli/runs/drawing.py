"""Requests to `gantool sample`, and the files that answer them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from gantool.evaluation.sampling.arrangements import Wanted
    from gantool.evaluation.sampling.generator import TrainedGenerator

PICTURES = 16
ROWS = 8
"""Rows, columns or stops, where these are what is counted."""
FRAMES = 24
"""Frames of a walk from one picture to the next: a second."""


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
        """Refuse options that exclude each other, before anything is drawn.

        Raises:
            UsageError: When they do, or a file has the wrong form.
            MissingExtraError: When a film needs what is not installed.
        """
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
        for option, others in EXCLUDED.items():
            for other in others:
                if said[option] and said[other]:
                    raise UsageError(f"{option} and {other} exclude each other")

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


def draw(generator: TrainedGenerator, place: Path, wish: Wish) -> Iterator[Path]:
    """Draw what is wished for and yield the path of each file.

    Args:
        generator: What to draw from.
        place: Its folder.
        wish: What to draw.

    Raises:
        UsageError: When the generator has not that class, or none at all.
        OSError: When a file cannot be written.
    """
    from gantool.files.plain import make_below

    wanted, columns = arranged(generator, wish)
    count, chunks = len(wanted.latents), begun(generator, wanted, wish.truncation)
    if wish.walk is not None:
        import numpy as np

        from gantool.reporting.pictures.films import save_film

        save_film(np.concatenate(list(chunks)), wish.walk)
        yield wish.walk
        return
    target = wish.out or default_target(generator, place, wish)
    if wish.out is None:
        make_below(place, target if wish.arrangement is None else target.parent)
    if wish.arrangement:
        from gantool.reporting.pictures.grids import stream_grid

        names = generator.classes if wish.classes else ()
        stream_grid(chunks, count, target, columns, names)
        yield target
    elif target.suffix.lower() == ".png" and count == 1:
        save_picture(next(chunks)[0], target)
        yield target
    else:
        yield from save_each(chunks, count, target)


def begun(
    generator: TrainedGenerator, wanted: Wanted, truncation: float | None
) -> Iterator[NDArray[np.uint8]]:
    """Return pictures, some at a time, the first of which are drawn: what can fail has not."""
    chunks = generator.pixel_chunks(wanted.latents, wanted.labels, truncation=truncation)
    return chain([next(chunks)], chunks)


def arranged(generator: TrainedGenerator, wish: Wish) -> tuple[Wanted, int | None]:
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


def default_target(generator: TrainedGenerator, place: Path, wish: Wish) -> Path:
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


def save_each(chunks: Iterable[NDArray[np.uint8]], count: int, folder: Path) -> Iterator[Path]:
    """Write pictures, some at a time, uint8 [n, H, W, C], one file each, and yield the paths.

    Raises:
        OSError: When a file cannot be written.
    """
    digits = max(4, len(str(count - 1)))
    for number, picture in enumerate(picture for chunk in chunks for picture in chunk):
        path = folder / f"{number:0{digits}d}.png"
        save_picture(picture, path)
        yield path


def save_picture(picture: NDArray[np.uint8], path: Path) -> None:
    """Write one picture, uint8 [H, W, C], at its own size, as PNG.

    Raises:
        OSError: When the file cannot be written.
    """
    from PIL import Image

    from gantool.files.durable import make_folder, written_aside

    make_folder(path.parent)
    with written_aside(path, durably=False) as aside:
        Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture).save(
            aside, format="PNG"
        )
