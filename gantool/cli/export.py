"""`gantool export`: take a generator out of its run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.arguments import CheckpointOption, DebugOption, QuietOption, RunArgument
from gantool.cli.output import print_lines
from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gantool.exporting.folder import ExportedFolder, Format

EXAMPLES = """
gantool export runs/base-2026-01-31-1 --to safetensors
gantool export runs/base-2026-01-31-1 --to html --out demo
gantool export runs/base-2026-01-31-1 --to safetensors,onnx --push me/paintings
"""


def complete_format(incomplete: str) -> list[str]:
    """Offer the formats, after a comma too."""
    from gantool.exporting.folder import FORMATS

    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in FORMATS if name.startswith(begun)]


ToOption = Annotated[
    list[str],
    typer.Option(
        "--to",
        metavar="FORMATS",
        help="safetensors, onnx or html, a page that draws in the browser; or several, "
        "separated by commas.",
        autocompletion=complete_format,
        show_default=False,
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FOLDER",
        help="Where to; by default in the run's folder.",
        show_default=False,
    ),
]
PushOption = Annotated[
    str | None,
    typer.Option(
        "--push",
        metavar="OWNER/NAME",
        help="Then publish it on the Hugging Face Hub.",
        show_default=False,
    ),
]


def export(
    run: RunArgument,
    *,
    to: ToOption,
    out: OutOption = None,
    checkpoint: CheckpointOption = None,
    push: PushOption = None,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Take a generator out of its run: as safetensors, as ONNX, or as a page for browsers.

    A config, a sample grid and a model card come along. The paths of the files are printed.
    """
    from gantool.evaluation.sampling.trained import NEWEST, TrainedRun
    from gantool.exporting import exporting
    from gantool.exporting.folder import ExportedFolder
    from gantool.files.plain import refuse_link
    from gantool.reporting.console.messages import open_console, say, show_warnings
    from gantool.runs.folder import existing_folder

    formats, folder = formats_of(to), existing_folder(run)
    target = ExportedFolder(folder.exported if out is None else out)
    if out is None:
        refuse_link(target.path)
    check_push(push)
    console = open_console()
    with show_warnings(console):
        trained = TrainedRun(folder, "cpu", checkpoint or NEWEST)
        tell = (lambda text: None) if quiet else (lambda text: say(console, text))
        exporting.export(trained, formats, target, repository=push, tell=tell)
    print_lines(target.files())
    publish(target, push)


def formats_of(lists: Iterable[str]) -> tuple[Format, ...]:
    """Return the formats in lists with commas, each once.

    Raises:
        UsageError: When there is none, or one is unknown.
    """
    from gantool.exporting.folder import FORMATS

    said = [name.strip() for each in lists for name in each.split(",") if name.strip()]
    unknown = [name for name in said if name not in FORMATS]
    if unknown or not said:
        found = f"got '{unknown[0]}'" if unknown else "got none"
        raise UsageError(f"--to takes {', '.join(FORMATS)}, {found}")
    return tuple(form for form in FORMATS if form in said)


def check_push(name: str | None) -> None:
    """Refuse what cannot be published before anything is computed.

    Raises:
        UsageError: When the name has another form, or the extra is missing.
    """
    if name is not None:
        from gantool.exporting.hub import check_repository

        check_repository(name)


def publish(folder: ExportedFolder, name: str | None) -> None:
    """Upload an export, if a name is given, and print its address."""
    if name is not None:
        from gantool.exporting.hub import push

        print_lines([push(folder, name)])
