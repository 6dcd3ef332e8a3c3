"""What every test shares: one thread, a cache of its own, no plugins but the installed ones."""

from __future__ import annotations

import os

# before torch is imported: tensors are small, and test workers run side by side
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults",
        choices=("quick", "full"),
        default="quick",
        help="how many faults tests/faults injects: a few of each, or all, for the published table",
    )


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
