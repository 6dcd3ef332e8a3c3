"""Pages: escaped, whole, and strict about what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from gantool.reporting.page import render, write_page


def test_a_template_that_asks_for_more_fails() -> None:
    with pytest.raises(UndefinedError):
        render("chart.html", title="t")


def test_a_page_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_page(path, "one")
    write_page(path, "two \udce9 ✓")
    assert path.read_text(encoding="utf-8") == "two \\udce9 ✓"
    assert [each.name for each in path.parent.iterdir()] == ["page.html"]


def test_the_layout_loads_nothing() -> None:
    templates = Path(__file__).parents[3] / "gantool/reporting/page/templates"
    texts = {path.name: path.read_text(encoding="utf-8") for path in templates.iterdir()}
    assert {"layout.html", "style.css", "slider.js", "report.html"} <= set(texts)
    for name, text in texts.items():
        assert "http" not in text.replace("http-equiv", ""), name
        assert "url(" not in text, name
        assert "@import" not in text, name
    assert "default-src 'none'" in texts["layout.html"]
