"""The page of a comparison in a real browser, where one is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gantool.evaluation.comparison.comparison import compare
from gantool.reporting.comparing.page import comparison_page
from gantool.reporting.pictures.grids import save_grid
from gantool.runs.folder import RunFolder

if TYPE_CHECKING:
    from tests.chromium import Chromium

HOSTILE = "<img src=x onerror=alert(1)>'\"&"
WIDTHS = (390, 1280)
WIDE = """[...document.querySelectorAll("main > section, .chart, .strips img, h1")]
    .filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.className)"""


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


def test_nothing_overflows_and_the_console_is_silent(
    page: str, chromium: Chromium, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page, encoding="utf-8")
    for width in WIDTHS:
        chromium.open(file.as_uri(), width)
        assert chromium.evaluate("innerWidth") == width
        assert chromium.evaluate("document.documentElement.scrollWidth") <= width
        assert chromium.evaluate(WIDE) == []
        assert chromium.evaluate("document.querySelectorAll('.strips img').length") == 12
        assert chromium.evaluate("document.querySelectorAll('[src=x]').length") == 0
        assert chromium.complaints == []
