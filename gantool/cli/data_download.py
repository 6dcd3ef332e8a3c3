"""`gantool data download`: fetch the images of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gantool.cli.arguments import DebugOption
from gantool.cli.completion import complete_dataset
from gantool.cli.output import print_lines, tell

EXAMPLES = """
gantool data download artworks
gantool data download artworks --into /data/artworks
"""


def download(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET",
            help="The name of a dataset, as in list-components dataset.",
            autocompletion=complete_dataset,
            show_default=False,
        ),
    ],
    into: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where to put them; by default data/DATASET.", show_default=False
        ),
    ] = None,
    debug: DebugOption = False,
) -> None:
    """Fetch the images of a dataset, and print the folder they are in."""
    from typing import cast

    from gantool.interfaces.dataset import Dataset
    from gantool.registry.calling import call
    from gantool.registry.catalog import installed

    component = cast("type[Dataset]", installed().find("dataset", dataset).component)
    folder = into or Path("data") / component.name
    without_options = component.model_construct()  # not even required ones
    call(without_options, "download", folder)
    print_lines([folder])
    tell(f"use them with: --set dataset.folder={folder}")
