from __future__ import annotations

import subprocess
import sys

import pytest

ROOM = [
    *("console", "curves", "dashboard", "figures", "grids", "loggers", "messages"),
    *("pace", "pixels", "preparation", "sent", "streams"),
]
HEAVY = {"torch", "numpy", "matplotlib", "PIL"}


@pytest.mark.parametrize(
    ("modules", "forbidden"), [(ROOM, HEAVY), (["messages", "streams"], {*HEAVY, "rich"})]
)
def test_nothing_heavy_is_imported_before_it_is_used(
    modules: list[str], forbidden: set[str]
) -> None:
    imports = "; ".join(f"import gantool.reporting.{module}" for module in modules)
    code = f"import sys; {imports}; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = set(ended.stdout.split())
    assert "gantool.reporting.messages" in loaded
    assert not loaded & forbidden
