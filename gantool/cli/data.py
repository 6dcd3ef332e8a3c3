"""`gantool data`: fetch, decode and look at the images of a dataset."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from gantool.cli.arguments import (
    JsonOption,
    QuietOption,
    RecipeArgument,
    SetOption,
    WorkersOption,
    argument,
    complete_recipe,
    component_names,
    examples,
    option,
    starting,
    verbosity,
)
from gantool.cli.output import print_json, print_lines, print_listing, print_records, tell
from gantool.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from gantool.data.inspecting import Inspection, Lengths
    from gantool.data.prepare.decoding import Skipped

MOST_NAMED = 20
"""Skipped files that are named; `gantool data inspect` names all of them."""
SHEET_IMAGES = 200
ImagesArgument = Annotated[
    str,
    argument(
        "RECIPE|FOLDER",
        "A recipe file, a shipped recipe's name, or a folder or zip file of pictures.",
        complete_recipe,
    ),
]
SheetOption = Annotated[
    Path | None, option("--sheet", "FILE", "Also draw many of the images into one picture.")
]


def complete_dataset(incomplete: str) -> list[str]:
    """Offer the names of datasets."""
    return starting(incomplete, component_names("dataset"))


@examples("gantool data download artworks", "gantool data download artworks --into /data/artworks")
def download(
    dataset: Annotated[
        str,
        argument(
            "DATASET", "The name of a dataset, as in list-components dataset.", complete_dataset
        ),
    ],
    into: Annotated[
        Path | None, option("--into", "FOLDER", "Where to put them; by default data/DATASET.")
    ] = None,
) -> None:
    """Fetch the images of a dataset, and print the folder they are in."""
    from gantool.interfaces.dataset import Dataset
    from gantool.registry.calling import call
    from gantool.registry.catalog import installed

    component = cast("type[Dataset]", installed().find("dataset", dataset).component)
    folder = into or Path("data") / component.name
    without_options = component.model_construct()  # not even required ones
    call(without_options, "download", folder)
    print_lines([folder])
    tell(f"use them with: --set dataset.folder={folder}")


@examples(
    "gantool data prepare base",
    "gantool data prepare base --set image.size=128 --set dataset.folder=data/paintings",
)
def prepare(
    recipe: RecipeArgument,
    overrides: SetOption = None,
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> None:
    """Decode the images of a recipe ahead of its run.

    Prints their number, the number of files that had to be skipped, and their folder. What was
    prepared before is found again; what was interrupted goes on.
    """
    from gantool.data.prepare import preparing
    from gantool.recipe.reading import read_recipe
    from gantool.reporting.console.messages import open_console, show_warnings
    from gantool.reporting.console.progress import preparation_progress

    console = open_console()
    shown = preparation_progress(console, verbosity(quiet=quiet))
    with show_warnings(console), shown as progress:
        read = read_recipe(recipe, overrides or ())
        prepared = preparing.prepare(
            read.dataset, read.tables.image, progress=progress, workers=workers
        )
    _name_skipped(prepared.skipped, console)
    if sys.stdout.isatty():  # a long path stays in one piece
        count = f"{len(prepared):,} images, {len(prepared.skipped):,} files skipped"
        print_lines([count, prepared.folder])
    else:
        print_records([(len(prepared), len(prepared.skipped), prepared.folder)])


def _name_skipped(skipped: Sequence[Skipped], console: Console) -> None:
    from gantool.reporting.console.messages import WARNING_STYLE, say

    for image in skipped[:MOST_NAMED]:
        say(console, ("skipped:", WARNING_STYLE), f" {image.name}: {image.reason}")
    if (more := len(skipped) - MOST_NAMED) > 0:
        say(console, f"{more:,} more were skipped; gantool data inspect names them all")


@examples(
    "gantool data inspect data/paintings",
    "gantool data inspect few-paintings --set dataset.folder=data/paintings",
    "gantool data inspect base --sheet overview.png",
    "gantool data inspect base --json",
)
def inspect(
    recipe: ImagesArgument,
    overrides: SetOption = None,
    sheet: SheetOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Look at every image of a recipe: unusable, converted, tiny or duplicate files by name.

    Lists the findings, and the files beside the images that are not read; how many images, classes
    and sizes there are is said on stderr. A folder of pictures is looked at as gantool run base
    --set dataset.folder=FOLDER would see it.
    """
    from gantool.reporting.console.messages import open_console

    console = open_console()
    found = _inspected(*_folder_or_recipe(recipe, overrides or ()), workers, console, quiet=quiet)
    if as_json:
        print_json(found.as_json())
    else:
        uses = {True: "used", False: "left out"}
        rows = [(each.kind, each.name, each.detail, uses[each.used]) for each in found.findings]
        print_listing(("finding", "file", "detail", "use"), rows)
    _sum_up(found, console, quiet=quiet)
    if found.prepared is None:
        raise DataError(f"none of the {found.files} images can be used")
    if sheet is not None:
        from gantool.data.contact_sheet import contact_sheet
        from gantool.reporting.pictures.grids import save_png

        save_png(contact_sheet(found.prepared, SHEET_IMAGES), sheet)
        tell(f"overview in {sheet}")


def _inspected(
    recipe: str, overrides: Sequence[str], workers: int | None, console: Console, *, quiet: bool
) -> Inspection:
    from gantool.data import inspecting
    from gantool.recipe.reading import read_recipe
    from gantool.reporting.console.messages import show_warnings
    from gantool.reporting.console.progress import preparation_progress

    shown = preparation_progress(console, verbosity(quiet=quiet))
    with show_warnings(console), shown as progress:
        read = read_recipe(recipe, overrides)
        return inspecting.inspect(
            read.dataset,
            read.tables.image,
            progress=lambda done, total: progress(done // 2, total // 2),  # each counts twice
            workers=workers,
        )


def _folder_or_recipe(named: str, overrides: Sequence[str]) -> tuple[str, Sequence[str]]:
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


def _sum_up(found: Inspection, console: Console, *, quiet: bool) -> None:
    from gantool.reporting.console.messages import WARNING_STYLE, say

    for warning in found.warnings:
        say(console, ("warning:", WARNING_STYLE), f" {warning}")
    if not quiet:
        for line in _summary(found):
            say(console, line)


def _summary(found: Inspection) -> Iterator[str]:
    from gantool.data.remarks import PROFILE
    from gantool.interfaces.dataset import OtherFiles, kind_of

    yield ""
    yield f"{found.files:,} files, of which {found.usable:,} can be used"
    if found.width is not None and found.height is not None:
        yield f"width {_span(found.width)}"
        yield f"height {_span(found.height)}"
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


def _span(lengths: Lengths) -> str:
    if lengths.least == lengths.greatest:
        return f"{lengths.least} pixels"
    return f"{lengths.least} to {lengths.greatest} pixels, the median is {lengths.median}"
