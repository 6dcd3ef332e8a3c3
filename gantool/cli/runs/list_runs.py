"""`gantool list-runs`: what was trained here, and how far it came."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.arguments import DebugOption, JsonOption
from gantool.cli.output import print_json, print_listing, tell
from gantool.errors import UsageError

if TYPE_CHECKING:
    from gantool.runs.documents import Damages
    from gantool.runs.folder import RunFolder

EXAMPLES = """
gantool list-runs
gantool list-runs /data/experiments --json
"""
COLUMNS = ("run", "recipe", "step", "steps", "outcome", "created")


def list_runs(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Where the run folders are."),
    ] = Path("runs"),
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List the runs in a folder, the one trained last first; what cannot be read is named."""
    from gantool.runs import folder as folders
    from gantool.runs.documents import Damages

    damages = Damages()
    runs = [describe(run, damages) for run in folders.list_runs(folder)]
    for word in damages.words:
        tell(f"warning: {word}")
    if as_json:
        print_json(runs)
        return
    records = [[run.get(column, "") for column in COLUMNS] for run in runs]
    shown = [[*map(str, rest), local(created)] for *rest, created in records]
    print_listing(COLUMNS, records, shown)
    if not runs:
        tell(f"no runs in {folder}")


def describe(run: RunFolder, damages: Damages) -> dict[str, Any]:
    """Return a run as plain data; of one whose status cannot be read, only the folder."""
    from gantool.runs.status import read_status, state_of, step_reached

    try:
        status = read_status(run, damages)
        known = {"step": step_reached(run, status), "outcome": state_of(run, status)}
        return {"run": run.path, **asdict(status), **known}
    except UsageError as error:
        damages.note(run.description, error.message.partition(": ")[2])
        return {"run": run.path, "outcome": "unknown"}


def local(moment: str) -> str:
    """Return a moment in the user's time zone, to the minute."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):  # the status is damaged
        return moment
