"""What a run was computed with: machine, packages, plugins."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from gantool.files.plain import read_plain
from gantool.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gantool.registry.discovery import Plugin
    from gantool.runs.folder import RunFolder

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


def read_environments(folder: RunFolder) -> list[dict[str, Any]]:
    """Return what each process that worked on a run noted; nothing from a file that is damaged."""
    try:
        noted = json.loads(read_plain(folder.environment))
    except (OSError, ValueError, RecursionError):
        return []
    return [each for each in noted if isinstance(each, dict)] if isinstance(noted, list) else []


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
