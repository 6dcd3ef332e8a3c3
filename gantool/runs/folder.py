"""The run folder: its files, and the processes that write them in their environments."""

from __future__ import annotations

import os
import platform
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.files.disk import make_folder
from gantool.files.plain import is_plain_file, is_plain_folder, refuse_link
from gantool.text import visible
from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date
    from pathlib import Path

    from gantool.registry.plugin import Plugin
    from gantool.runs.documents import Damages


RUNS = "runs"
RECIPE = "recipe.toml"
GRID = re.compile(r"step-(\d{8,})\.png")
"""File names of sample grids."""
PACKAGES = ("torch", "torchvision", "numpy", "pillow", "pydantic", "pluggy", "typer", "rich")


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
    found = filter(RunFolder.exists, (RunFolder(file.parent) for file in runs.glob(f"*/{RECIPE}")))
    yield from sorted(found, key=lambda run: (run.last_worked_on(), run.name), reverse=True)


def describe_environment(plugins: Iterable[Plugin]) -> dict[str, Any]:
    """Return versions, machine and devices, to be pasted into a bug report.

    Imports torch, to ask for devices and threads.
    """
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return {
        "gantool": VERSION,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "devices": ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])],
        "cuda": torch.version.cuda,
        "packages": {name: _version(name) for name in PACKAGES},
        "plugins": {
            plugin.name: plugin.failure or f"{plugin.distribution} {plugin.version}"
            for plugin in plugins
        },
    }


def read_environments(folder: RunFolder, damages: Damages | None = None) -> list[dict[str, Any]]:
    """Return what each process that worked on a run noted; nothing if the file is damaged."""
    from gantool.runs.documents import read_document  # needs pydantic, and `--help` does not

    if not folder.environment.exists():
        return []
    try:
        noted: list[dict[str, Any]] = read_document(folder.environment, list[dict[str, Any]])
    except UsageError as error:
        if damages is not None:
            damages.note(folder.environment, error.message.partition("cannot be read: ")[2])
        return []
    return noted


def is_first() -> bool:
    """Whether this process is the only one, or the one that writes, samples, logs and prints."""
    return os.environ.get("RANK", "0") == "0"


def is_restarted() -> bool:
    """Whether torchrun has started the processes again after one of them failed."""
    return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"


def are_on_one_machine() -> bool:
    """Whether all processes are on this machine."""
    return os.environ.get("LOCAL_WORLD_SIZE", "1") == os.environ.get("WORLD_SIZE", "1")


def job() -> str:
    """Return what identifies this torchrun, also after restarts; empty without torchrun."""
    name = os.environ.get("TORCHELASTIC_RUN_ID")
    return f"{name} {os.getppid()}" if name else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
