"""The documentation is a site, complete and without anything from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]+)\"|<link\b[^>]*\bhref=\"([^\"]+)\""
)
FROM_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="the site needs the extra docs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_on_the_site_and_in_its_navigation(site: Path) -> None:
    navigation = (site / "index.html").read_text(encoding="utf-8")
    pages = {path.stem for path in DOCS.glob("*.md")} - {"README"}
    assert pages
    for page in pages:
        assert (site / f"{page}.html").is_file()
        assert f'href="{page}.html"' in navigation


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    loaded = []
    for path in site.rglob("*.html"):
        loaded += [(path, *found) for found in LOADED.findall(path.read_text(encoding="utf-8"))]
    for path in site.rglob("*.css"):
        loaded += [(path, *found) for found in FROM_STYLES.findall(path.read_text("utf-8"))]
    assert len(loaded) > 50
    for path, *found in loaded:
        for address in filter(None, found):
            assert not re.match(r"(?:\w+:)?//", address), f"{path.name} loads {address}"


def test_the_site_holds_pages_and_no_sources(site: Path) -> None:
    names = {path.suffix for path in site.rglob("*") if path.is_file()}
    assert names.isdisjoint({".py", ".toml", ".md"})
