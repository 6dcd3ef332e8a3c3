from __future__ import annotations

import subprocess
import sys

import pytest

ROOM = [
    *("console.dashboard", "console.messages", "console.pixels", "console.progress"),
    *("console.run", "figures", "loggers", "observers", "pictures.curves", "pictures.grids"),
]
HEAVY = {"torch", "numpy", "matplotlib", "PIL"}


@pytest.mark.parametrize(
    ("modules", "forbidden"), [(ROOM, HEAVY), (["console.messages"], {*HEAVY, "rich"})]
)
def test_nothing_heavy_is_imported_before_it_is_used(
    modules: list[str], forbidden: set[str]
) -> None:
    imports = "; ".join(f"import gantool.reporting.{module}" for module in modules)
    code = f"import sys; {imports}; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = set(ended.stdout.split())
    assert "gantool.reporting.console.messages" in loaded
    assert not loaded & forbidden
