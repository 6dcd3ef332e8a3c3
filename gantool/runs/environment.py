"""The environment of a run: machine, packages, plugins, and this process among several."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gantool.registry.plugin import Plugin
    from gantool.runs.documents import Damages
    from gantool.runs.folder import RunFolder

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "pydantic", "pluggy", "typer", "rich")


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
