"""Importing the plugin costs nothing that listing plugins does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gantool_artworks.plugin import Artworks


def test_the_plugin_module_imports_no_image_library() -> None:
    script = """
import sys
import gantool_artworks.plugin
print([name for name in ("torch", "numpy", "PIL", "filelock", "csv") if name in sys.modules])
"""
    done = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert done.strip() == "[]"


def test_the_example_can_be_opened(tmp_path: Path) -> None:
    source = Artworks.example(tmp_path).open(tmp_path / "cache")
    assert len(source) == 2 * len(source.classes)
    assert not (tmp_path / "cache").exists()
