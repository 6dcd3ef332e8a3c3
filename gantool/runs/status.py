"""The status of a run, for listings and for those who come back to it."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from gantool.files.durable import write_durably
from gantool.runs.history.document import read_document
from gantool.runs.history.numbers import Step
from gantool.version import VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from gantool.runs.folder import RunFolder
    from gantool.runs.history.damage import Damages

Outcome = Literal["running", "completed", "stopped", "failed"]


@dataclass(frozen=True)
class RunStatus:
    """A run's identity and progress.

    Attributes:
        recipe: Name of the recipe.
        steps: Steps of the whole run.
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

    Args:
        folder: The run's.
        damages: If given, is told of fields that are wrong and can be done without.

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
