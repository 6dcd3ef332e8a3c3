"""`gantool data inspect`: what a dataset holds, and every file that deserves a look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.arguments import (
    DebugOption,
    JsonOption,
    QuietOption,
    SetOption,
    WorkersOption,
    verbosity,
)
from gantool.cli.completion import complete_recipe
from gantool.cli.output import print_json, print_listing, tell
from gantool.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gantool.data.inspecting import Inspection, Lengths
    from gantool.data.prepare.prepared import PreparedImages

EXAMPLES = """
gantool data inspect data/paintings
gantool data inspect few-paintings --set dataset.folder=data/paintings
gantool data inspect base --sheet overview.png
gantool data inspect base --json
"""
SHEET_IMAGES = 200


def inspect(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE|FOLDER",
            help="A recipe file, a shipped recipe's name, or a folder or zip file of pictures.",
            autocompletion=complete_recipe,
            show_default=False,
        ),
    ],
    overrides: SetOption = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Also draw many of the images into one picture.",
            show_default=False,
        ),
    ] = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Look at every image of a recipe: unusable, converted, tiny or duplicate files by name.

    Lists the findings, and the files beside the images that are not read; how many images, classes
    and sizes there are is said on stderr. A folder of pictures is looked at as gantool run base
    --set dataset.folder=FOLDER would see it.
    """
    from gantool.data import inspecting
    from gantool.recipe.reading import read_recipe
    from gantool.reporting.console.messages import WARNING_STYLE, open_console, say, show_warnings
    from gantool.reporting.console.progress import preparation_progress

    console = open_console()
    level = verbosity(quiet=quiet, verbose=False)
    with show_warnings(console), preparation_progress(console, level) as progress:
        plan = read_recipe(*folder_or_recipe(recipe, overrides or ()))
        found = inspecting.inspect(
            plan.dataset,
            plan.tables.image,
            progress=lambda done, total: progress(done // 2, total // 2),  # each counts twice
            workers=workers,
        )
    if as_json:
        print_json(found.as_json())
    else:
        list_findings(found)
    for warning in found.warnings:
        say(console, ("warning:", WARNING_STYLE), f" {warning}")
    if not quiet:
        for line in summary(found):
            say(console, line)
    if found.prepared is None:
        raise DataError(f"none of the {found.files} images can be used")
    if sheet is not None:
        draw_sheet(found.prepared, sheet)


def folder_or_recipe(named: str, overrides: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the recipe that a user means, and what is said on top of it.

    A file, or a shipped recipe of that name, comes first; a folder with recipes in it, such as a
    run's, is none of pictures.
    """
    from gantool.recipe.shipped import FOR_PICTURES, SUFFIX, find_shipped, is_archive

    path = Path(named)
    of_pictures = path.is_dir() or (is_archive(path) and path.is_file())
    if find_shipped(named) or not of_pictures or any(path.glob(f"*{SUFFIX}")):
        return named, overrides
    return FOR_PICTURES, (f"dataset.folder={path.absolute()}", *overrides)


def list_findings(found: Inspection) -> None:
    """Print one record a finding."""
    records = [
        (finding.kind, finding.name, finding.detail, "used" if finding.used else "left out")
        for finding in found.findings
    ]
    print_listing(("finding", "file", "detail", "use"), records)


def summary(found: Inspection) -> Iterator[str]:
    """Yield what the dataset holds, a line each."""
    from gantool.data.remarks import PROFILE
    from gantool.interfaces.filenames import OtherFiles, kind_of

    yield ""
    yield f"{found.files:,} files, of which {found.usable:,} can be used"
    if found.width is not None and found.height is not None:
        yield f"width {span(found.width)}"
        yield f"height {span(found.height)}"
    if found.classes:
        yield f"{len(found.classes)} classes, {found.unlabeled:,} images without one"
        for name, count in found.classes.items():
            yield f"{count:>8,}  {name}"
    told_below = {PROFILE, *(kind_of(name) for name in found.other_files)}
    for kind, count in found.counts().items():
        if kind not in told_below:
            yield f"{count:,} {kind}"
    for profile, count in found.profiles.items():
        yield f"{count:,} with the color profile {profile}"
    if found.other_files:
        yield f"not read: {OtherFiles(found.other_files)}"


def span(lengths: Lengths) -> str:
    """Return lengths in words."""
    if lengths.least == lengths.greatest:
        return f"{lengths.least} pixels"
    return f"{lengths.least} to {lengths.greatest} pixels, the median is {lengths.median}"


def draw_sheet(prepared: PreparedImages, path: Path) -> None:
    """Write an overview of the images."""
    from gantool.data.contact_sheet import contact_sheet
    from gantool.files.durable import make_folder, written_aside

    make_folder(path.parent)
    with written_aside(path) as aside:
        contact_sheet(prepared, SHEET_IMAGES).save(aside, format="PNG")
    tell(f"overview in {path}")
