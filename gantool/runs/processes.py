"""The place of this process among several, by what torchrun tells it."""

from __future__ import annotations

import os


def is_first() -> bool:
    """Whether this process writes, samples, logs and speaks; alone, it does."""
    return os.environ.get("RANK", "0") == "0"


def is_restarted() -> bool:
    """Whether torchrun has started the processes again after one of them failed."""
    return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"


def are_on_one_machine() -> bool:
    """Whether all processes are on this machine."""
    return os.environ.get("LOCAL_WORLD_SIZE", "1") == os.environ.get("WORLD_SIZE", "1")


def job() -> str:
    """Return what tells this torchrun from others, over its restarts; empty without it."""
    name = os.environ.get("TORCHELASTIC_RUN_ID")
    return f"{name} {os.getppid()}" if name else ""
