"""A run as its folder has it, read with caution: damage costs its part, and is told."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.runs.environment import read_environments
from gantool.runs.history.curves import read_curves
from gantool.runs.history.damage import Damages
from gantool.runs.history.document import read_bounded
from gantool.runs.history.scores import MOST_FINDINGS, Finding, Judged, Scored, read_records
from gantool.runs.history.timing import timing_of
from gantool.runs.status import read_status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gantool.runs.folder import RunFolder
    from gantool.runs.history.curves import Curves
    from gantool.runs.history.timing import Timing
    from gantool.runs.status import RunStatus


@dataclass(frozen=True)
class RunHistory:
    """All that a run's files tell.

    Attributes:
        folder: The folder.
        status: How far it came, by its status or its last figures, and how it ended.
        document: The resolved recipe, plain data.
        curves: Its figures.
        timing: How long it took.
        scored: Scores that were taken during training.
        judged: Scores of single checkpoints.
        findings: What the health watcher found.
        environments: What each process that worked on it computed with.
        damages: What could not be read, in words.
    """

    folder: RunFolder
    status: RunStatus
    document: Mapping[str, Any]
    curves: Curves
    timing: Timing
    scored: Sequence[Scored]
    judged: Sequence[Judged]
    findings: Sequence[Finding]
    environments: Sequence[Mapping[str, Any]]
    damages: Sequence[str]


def read_history(folder: RunFolder, status: RunStatus | None = None) -> RunHistory:
    """Read a run's folder, and warn of what cannot be read.

    Args:
        folder: A run's.
        status: Its status, where that is known better than its file tells.

    Raises:
        UsageError: When status or recipe cannot be read.
    """
    damages = Damages()
    curves = read_curves(folder.metrics, damages)
    known = status or read_status(folder, damages)
    history = RunHistory(
        folder=folder,
        status=replace(known, step=max(known.step, curves.step)),
        document=read_recipe_table(folder),
        curves=curves,
        timing=timing_of(read_curves(folder.timing, damages, ordered=False)),
        scored=read_records(folder.scores, Scored, damages),
        judged=read_records(folder.evaluations, Judged, damages),
        findings=read_records(folder.health, Finding, damages, MOST_FINDINGS),
        environments=read_environments(folder, damages),
        damages=damages.words,
    )
    damages.say()
    return history


def read_recipe_table(folder: RunFolder) -> Mapping[str, Any]:
    """Return a run's recipe as plain data, whatever of it is installed.

    Raises:
        UsageError: When it cannot be read.
    """
    try:
        return tomllib.loads(read_bounded(folder.recipe).decode())
    except OSError as error:
        raise UsageError(f"{folder.recipe} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{folder.recipe} cannot be read: {error}") from error
