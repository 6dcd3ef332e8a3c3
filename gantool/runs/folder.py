"""The run folder: every file name in one place."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from gantool.errors import UsageError
from gantool.files.durable import make_folder
from gantool.files.plain import is_plain_file, is_plain_folder, refuse_link
from gantool.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

RUNS = "runs"
RECIPE = "recipe.toml"
GRID = re.compile(r"step-(\d{8,})\.png")
"""File names of sample grids."""


class _Inside:
    """The path of something inside a run's folder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, folder: RunFolder, owner: type[RunFolder]) -> Path:
        return folder.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """Paths inside one run's folder."""

    path: Path

    recipe = _Inside(RECIPE)
    """The resolved recipe; the folder is a run if this file exists."""
    parent_recipe = _Inside("parent.json")
    """The recipe that the run's extends, or the run's without `--set`, resolved; JSON."""
    description = _Inside("run.json")
    """Identifier, versions and outcome of the run, JSON."""
    environment = _Inside("environment.json")
    """Machine and package versions of each process that worked on the run, JSON."""
    metrics = _Inside("metrics.jsonl")
    """Figures of each log interval, one JSON object a line, without wall-clock."""
    scores = _Inside("scores.jsonl")
    """Scores of the recipe's metrics, one JSON object a line."""
    evaluations = _Inside("evaluations.jsonl")
    """Scores of single checkpoints with their protocol, one JSON object a line."""
    health = _Inside("health.jsonl")
    """What the watcher found, one JSON object a line; missing in a healthy run."""
    diverged = _Inside("diverged.json")
    """Step at which training was no longer finite, and what to try, JSON; mostly missing."""
    timing = _Inside("timing.jsonl")
    """Seconds and images a second of each log interval, one JSON object a line."""
    sent = _Inside("loggers.json")
    """The last steps that each logger was sent, JSON; missing in a run without loggers."""
    skipped = _Inside("skipped.tsv")
    """Images that could not be used, one tab-separated name and reason a line."""
    curves = _Inside("curves.png")
    """Loss curves, as a picture."""
    report = _Inside("report.html")
    """Everything the folder tells of the run, as one HTML page."""
    samples = _Inside("samples")
    """Folder of sample grids."""
    checkpoints = _Inside("checkpoints")
    """Folder of checkpoints."""
    exported = _Inside("exported")
    """Folder of what `gantool export` writes."""

    @property
    def name(self) -> str:
        """The folder's own name, as people read it."""
        return visible(self.path.name)

    def sample_grid(self, step: int) -> Path:
        """Return the path of the grid drawn after `step` steps."""
        return self.samples / f"step-{step:08d}.png"

    def sample_grids(self) -> list[tuple[int, Path]]:
        """Return steps and files of the sample grids, in order; no link is followed."""
        files = self.samples.glob("step-*.png") if is_plain_folder(self.samples) else ()
        found = [(match, file) for file in files if (match := GRID.fullmatch(file.name))]
        return sorted((int(match[1]), file) for match, file in found if is_plain_file(file))

    def exists(self) -> bool:
        """Whether a run has been started here."""
        return is_plain_file(self.recipe)

    def names(self) -> frozenset[str]:
        """Return the names of all files and folders that a run has or may have."""
        parts = vars(RunFolder).values()
        return frozenset(part.name for part in parts if isinstance(part, _Inside))

    def last_worked_on(self) -> float:
        """Return when a process last trained here, in seconds since 1970; 0 where none has.

        It is the time of files that only training writes, and evaluation does not.
        """
        times = [0.0]
        for path in (self.description, self.metrics):
            with suppress(OSError):
                times.append(path.lstat().st_mtime)
        return max(times)


def take_folder(runs: Path, recipe: str, day: date) -> RunFolder:
    """Make the first free `<recipe>-<date>-<n>` folder below `runs`; it is this caller's alone."""
    make_folder(runs)
    for number in count(1):
        path = runs / f"{recipe}-{day.isoformat()}-{number}"
        with suppress(FileExistsError):
            path.mkdir()
            return RunFolder(path)
    raise AssertionError


def existing_folder(path: Path) -> RunFolder:
    """Return the run in a folder.

    Raises:
        UsageError: When there is none, or a link is in the place of its recipe.
    """
    folder = RunFolder(path)
    refuse_link(folder.recipe)
    if not folder.exists():
        raise UsageError(
            f"no run in {path}: {RECIPE} is missing", "gantool list-runs shows the runs here"
        )
    return folder


def list_runs(runs: Path) -> Iterator[RunFolder]:
    """Yield the runs below a folder, the one that was trained last first; nothing is written."""
    found = [
        run for recipe in runs.glob(f"*/{RECIPE}") if (run := RunFolder(recipe.parent)).exists()
    ]
    yield from sorted(found, key=lambda run: (run.last_worked_on(), run.name), reverse=True)
