"""The status of a run: how far it came, how it ended, and which process is at work on it."""

from __future__ import annotations

import json
import os
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from gantool.errors import DiskError, UsageError
from gantool.files.disk import sweep, write_durably, written_aside
from gantool.files.plain import BusyError, is_locked, locked, read_plain, refuse_link
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.documents import Step, read_document
from gantool.runs.records import last_step
from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gantool.runs.documents import Damages
    from gantool.runs.folder import RunFolder

Outcome = Literal["running", "completed", "stopped", "failed"]
LOCK = ".lock"
HOLDER = ".holder"
"""The holder's process id; the lock itself is the system's, which drops it when a process dies."""
PATIENCE_SECONDS = 0.5
"""Much longer than others hold the lock to see whether a run is going."""


@dataclass(frozen=True)
class RunStatus:
    """A run's identity and progress.

    Attributes:
        step: Steps completed when this was last written.
        outcome: How the last process that worked on it ended.
        identifier: Stable over every resume.
        created: When the run was started, ISO 8601.
        gantool: Version that started it.
        holder: Process that works, or last worked, on the run.
        job: What started several processes on it together; empty for one by itself.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="ignore")

    recipe: str
    steps: Step
    step: Step = 0
    outcome: Outcome = "running"
    identifier: str = ""
    created: str = ""
    gantool: str = VERSION
    holder: Annotated[int, Field(ge=0, lt=2**63)] = 0
    job: str = ""

    def at(self, step: int, outcome: Outcome) -> RunStatus:
        """Return the status after `step` steps, with this process as its holder."""
        return replace(self, step=step, outcome=outcome, holder=os.getpid())


def new_status(recipe: str, steps: int, job: str = "") -> RunStatus:
    """Return the status of a run that starts now."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    status = RunStatus(recipe, steps, identifier=uuid.uuid4().hex, created=created, job=job)
    return status.at(0, "running")


def read_status(folder: RunFolder, damages: Damages | None = None) -> RunStatus:
    """Return a run's status.

    Raises:
        UsageError: When the file is missing or holds something else.
    """
    status: RunStatus = read_document(folder.description, RunStatus, damages)
    return status


def write_status(folder: RunFolder, status: RunStatus) -> None:
    """Write a run's status, all at once."""
    write_json(folder.description, asdict(status))


def write_json(path: Path, value: Any) -> None:
    """Write plain data as JSON, so that a reader sees the old file or the new one."""
    write_durably(path, json.dumps(value, indent=2) + "\n")


@contextmanager
def hold(folder: RunFolder) -> Iterator[None]:
    """Keep other processes out of a run folder, which exists; a dead process keeps nobody out.

    What killed processes have left behind is swept up first.

    Raises:
        UsageError: When another process holds the folder, which is named; when a link is where a
            file or folder of the run belongs.
        DiskError: When the folder cannot be written to.
    """
    _refuse_links(folder)
    holder = folder.path / HOLDER
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder.path / LOCK, PATIENCE_SECONDS))
            with written_aside(holder, durably=False) as aside:
                aside.write_text(f"{os.getpid()}\n", encoding="utf-8")
        except BusyError as error:
            raise UsageError(
                f"run {folder.path} is in use by process {_named(holder)}",
                "wait until it is done, or stop it with Ctrl-C",
            ) from error
        except OSError as error:
            raise DiskError(f"run {folder.path} cannot be written to: {error}") from error
        stack.callback(_forget, holder)
        for place in (folder.path, folder.samples):
            sweep(place)
        Checkpoints(folder.checkpoints, "").sweep()
        yield


def is_held(folder: RunFolder) -> bool:
    """Whether a process is at work on a run; the folder is only read."""
    return is_locked(folder.path / LOCK)


def let_go(folder: RunFolder, *, is_new: bool) -> None:
    """Leave a folder in which no run has begun as it was found; for its holder to call.

    Raises:
        OSError: When something else is in it, or the disk is failing.
    """
    (folder.path / HOLDER).unlink(missing_ok=True)
    (folder.path / LOCK).unlink(missing_ok=True)
    if is_new:
        folder.path.rmdir()


def _refuse_links(folder: RunFolder) -> None:
    """Refuse what would lead out of a run's folder."""
    names = {*folder.names(), LOCK, HOLDER}
    try:
        links = [path for path in folder.path.iterdir() if path.is_symlink()]
    except OSError as error:
        raise DiskError(f"run {folder.path} cannot be read: {error}") from error
    for path in links:
        if path.name in names or path.is_dir():
            refuse_link(path)


def _forget(holder: Path) -> None:
    """Remove the name of this process, unless another one holds the folder now."""
    if _named(holder) == str(os.getpid()):
        with suppress(OSError):
            holder.unlink()


def _named(holder: Path) -> str:
    """Return the process id that the holder has left, if it can be read."""
    try:
        return str(int(read_plain(holder)))
    except (OSError, ValueError):
        return "unknown"


def state_of(folder: RunFolder, status: RunStatus) -> str:
    """Return a run's outcome, or "interrupted" where no process works on it any more."""
    interrupted = status.outcome == "running" and not is_held(folder)
    return "interrupted" if interrupted else status.outcome


def step_reached(folder: RunFolder, status: RunStatus) -> int:
    """Return the step that a run has reached, also if it could not note its end."""
    if status.outcome != "running":
        return status.step
    saved = Checkpoints(folder.checkpoints, status.identifier).all()
    steps = [status.step, *(checkpoint.step for checkpoint in saved[:1])]
    return max([*steps, last_step(folder.metrics)] if is_held(folder) else steps)


def refuse_going(folder: RunFolder) -> None:
    """Refuse a run that a process is working on: its newest checkpoint changes."""
    if is_held(folder):
        raise UsageError(
            f"run {folder.path} is still going, in process {read_status(folder).holder}",
            "wait until it is done, or stop it with Ctrl-C; "
            "[evaluation] every_epochs scores a run while it goes",
        )
