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
    """List the runs in a folder, newest first."""
    from gantool.runs import folder as folders

    runs = [describe(run) for run in folders.list_runs(folder)]
    if as_json:
        print_json(runs)
        return
    records = [[run.get(column, "") for column in COLUMNS] for run in runs]
    shown = [[*map(str, rest), local(created)] for *rest, created in records]
    print_listing(COLUMNS, records, shown)
    if not runs:
        tell(f"no runs in {folder}")


def describe(run: RunFolder) -> dict[str, Any]:
    """Return a run as plain data; of one whose status is damaged, only the folder."""
    from gantool.runs.status import read_status

    try:
        status = read_status(run)
    except UsageError:
        return {"run": run.path, "outcome": "unknown"}
    if status.outcome == "running" and not is_held(run):
        return {"run": run.path, **asdict(status), "outcome": "interrupted"}
    return {"run": run.path, **asdict(status)}


def local(moment: str) -> str:
    """Return a moment in the user's time zone, to the minute."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:  # the status is damaged
        return moment


def is_held(run: RunFolder) -> bool:
    """Return whether a process is working on a run: one that was killed could not say so."""
    from gantool.runs.lock import hold

    try:
        with hold(run):
            return False
    except (OSError, UsageError):
        return True
