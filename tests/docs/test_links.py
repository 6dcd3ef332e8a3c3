"""Every link in the documentation leads to a file that is there, and to a heading in it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "plugins/*/README.md")
    for path in ROOT.glob(pattern)
)
FENCE = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
ELSEWHERE = ("https://", "http://", "mailto:")


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Return where a page's links and pictures lead, those outside left out."""
    targets = LINK.findall(CODE.sub("", prose(page)))
    return [target for target in targets if not target.startswith(ELSEWHERE)]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: Counter[str] = Counter()
    names = set()
    for heading in HEADING.findall(prose(page)):
        text = LINK.sub("]", heading).replace("[", "").replace("]", "")
        name = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return names


def problem(page: Path, target: str) -> str | None:
    """Return what is wrong with a link, if anything is."""
    path, _, anchor = target.partition("#")
    if path.startswith("/"):
        return "is absolute"
    file = (page.parent / path) if path else page
    if not file.exists():
        return "leads nowhere"
    if anchor and anchor not in anchors(file):
        return f"names no heading of {file.name}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    problems = [(target, problem(page, target)) for target in links(page)]
    assert [each for each in problems if each[1]] == []


def test_pages_and_links_were_found() -> None:
    names = {page.relative_to(ROOT).as_posix() for page in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "docs/README.md", "docs/tutorial.md"} <= names
    assert sum(name.startswith("plugins/") for name in names) > 10
    assert sum(len(links(page)) for page in PAGES) > 50


def test_the_checker_finds_what_is_wrong(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# The report's `x`\n## Twice\n## Twice\n[a](#the-reports-x) [b](#twice-1) [c](#twice-2)\n"
        "[d](other.md) [e](/page.md) ![f](page.md#nowhere) `[g](gone.md)` [h](https://example.org)\n"
        "```toml\n# [i](gone.md)\n```\n"
    )
    wrong = {target: why for target in links(page) if (why := problem(page, target))}
    assert wrong == {
        "#twice-2": "names no heading of page.md",
        "other.md": "leads nowhere",
        "/page.md": "is absolute",
        "page.md#nowhere": "names no heading of page.md",
    }


def torn_tables(text: str) -> list[str]:
    """Return the first lines of tables that stand right below text, which makes text of them."""
    lines = text.split("\n")
    return [
        line
        for before, line in pairwise(lines)
        if line.startswith("|") and before.strip() and not before.startswith("|")
    ]


def test_tables_are_tables() -> None:
    assert torn_tables("> said\n| a |\n|---|\n\n| b |\n|---|") == ["| a |"]
    assert {page.name: torn_tables(prose(page)) for page in PAGES} == {p.name: [] for p in PAGES}


def test_files_that_pages_name_are_there() -> None:
    named = [
        (page.name, file)
        for page in PAGES
        for file in re.findall(r"\b(?:gantool|tests)/[\w/]+\.(?:py|toml)\b", page.read_text())
    ]
    assert len(named) > 10
    of_new_plugins = {("writing-a-plugin.md", "tests/test_contract.py")}
    missing = {each for each in named if not (ROOT / each[1]).exists()}
    assert missing - of_new_plugins == set()
