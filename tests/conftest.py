"""What every test shares: one thread, a cache of its own, no plugins but the installed ones."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: small tensors, and workers side by side

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep prepared images out of the user's cache."""
    folder = tmp_path_factory.getbasetemp() / "gantool-cache"
    monkeypatch.setenv("GANTOOL_CACHE", str(folder))
    for name in ("GANTOOL_ARTWORKS", "GANTOOL_DISABLE_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def rediscovered() -> Iterator[None]:
    """Discover plugins anew before and after, for tests that install some."""
    from gantool.registry.catalog import installed

    installed.cache_clear()
    yield
    installed.cache_clear()
