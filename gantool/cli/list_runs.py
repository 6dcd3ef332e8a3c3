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
    """List the runs in a folder, the one trained last first."""
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
    from gantool.runs.going import step_reached
    from gantool.runs.lock import is_held
    from gantool.runs.status import read_status

    try:
        status = read_status(run)
        if status.outcome != "running":
            return {"run": run.path, **asdict(status)}
        outcome = "running" if is_held(run) else "interrupted"
        known = {**asdict(status), "step": step_reached(run, status), "outcome": outcome}
        return {"run": run.path, **known}
    except UsageError:
        return {"run": run.path, "outcome": "unknown"}


def local(moment: str) -> str:
    """Return a moment in the user's time zone, to the minute."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:  # the status is damaged
        return moment
