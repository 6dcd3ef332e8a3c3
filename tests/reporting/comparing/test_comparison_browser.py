"""The page of a comparison in a real browser, where one is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gantool.evaluation.comparison.comparison import compare
from gantool.reporting.comparing.page import comparison_page
from gantool.reporting.grids import save_grid
from gantool.runs.folder import RunFolder

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr")
HOSTILE = "<img src=x onerror=alert(1)>'\"&"
WIDTHS = (390, 1280)
MEASURE = """
<script>addEventListener("load", () => {
  const wide = [...document.querySelectorAll("main > section, .chart, .strips img, h1")]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).length;
  document.title = ["measured", innerWidth, document.documentElement.scrollWidth, wide,
    document.querySelectorAll(".strips img").length, document.querySelectorAll("[src=x]").length];
});</script>
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


@pytest.fixture
def page(plant: Callable[..., Path]) -> str:
    """Compare three runs with names that want to be markup."""
    folders = []
    for number, name in enumerate(("base", "l2" * 30, "spectral")):
        status = {"recipe": f"{name}{HOSTILE if number else ''}"}
        table = {"training": {"batch_size": 8 + number}, "sampling": {"count": 9}}
        folder = plant(name, status=status, **table)
        for step in (100, 200, 300, 400):
            images = np.full((9, 16, 16, 3), 50 * number + step // 10, dtype=np.uint8)
            save_grid(images, RunFolder(folder).sample_grid(step))
        folders.append(RunFolder(folder))
    return comparison_page(compare(folders))


def test_nothing_overflows_and_the_console_is_silent(page: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    for width in WIDTHS:
        command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]
        command += [f"--window-size={width},900", "--dump-dom", file.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        found = re.search(r"<title>measured,(\d+),(\d+),(\d+),(\d+),(\d+)</title>", done.stdout)
        assert found is not None
        inner, scrolled, wide, pictures, planted = map(int, found.groups())
        assert scrolled <= inner
        assert inner <= max(width, 500)
        assert (wide, pictures, planted) == (0, 12, 0)
        assert "CONSOLE" not in done.stderr
