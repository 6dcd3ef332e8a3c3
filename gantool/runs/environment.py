"""The environment that a run was computed in: machine, packages, plugins."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.runs.history.document import read_document
from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gantool.registry.discovery import Plugin
    from gantool.runs.folder import RunFolder
    from gantool.runs.history.damage import Damages

PACKAGES = ("torch", "torchvision", "numpy", "pillow", "pydantic", "pluggy", "typer", "rich")


def describe_environment(plugins: Iterable[Plugin]) -> dict[str, Any]:
    """Return versions, machine and devices, to be pasted into a bug report.

    Imports torch, to ask for devices and threads.
    """
    import torch

    return {
        "gantool": VERSION,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "devices": _devices(),
        "cuda": torch.version.cuda,
        "packages": {name: _version(name) for name in PACKAGES},
        "plugins": {
            plugin.name: plugin.failure or f"{plugin.distribution} {plugin.version}"
            for plugin in plugins
        },
    }


def read_environments(folder: RunFolder, damages: Damages | None = None) -> list[dict[str, Any]]:
    """Return what each process that worked on a run noted; nothing from a file that is damaged.

    Args:
        folder: The run's.
        damages: If given, is told why nothing can be read.
    """
    if not folder.environment.exists():
        return []
    try:
        noted: list[dict[str, Any]] = read_document(folder.environment, list[dict[str, Any]])
    except UsageError as error:
        if damages is not None:
            damages.note(folder.environment, error.message.partition("cannot be read: ")[2])
        return []
    return noted


def _devices() -> list[str]:
    """Name the devices that torch can use."""
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
