"""What the documentation says is what the code says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import gantool
from gantool.registry.catalog import installed
from gantool.testing import checks_for
from gantool.testing.promises import GROUPS

DOCS = Path(__file__).parents[2] / "docs"
TUTORIAL = DOCS / "writing-a-plugin.md"
EXAMPLE = DOCS / "examples" / "gantool-wgan-gp"
GENERATED = ("components.md", "contract-checks.md", "interfaces.md")
FILE = re.compile(r"^`(?P<file>[\w./-]+)`:\n\n```\w+\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of the tutorial that is introduced by the name of a file."""


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    made: dict[str, str] = runpy.run_path(str(DOCS / "generate.py"))["pages"]()
    return made


def test_every_generated_page_is_checked(pages: dict[str, str]) -> None:
    assert sorted(pages) == sorted(GENERATED)


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_up_to_date(pages: dict[str, str], name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == pages[name], "write it again: python docs/generate.py"


def test_every_public_interface_is_explained(pages: dict[str, str]) -> None:
    titles = set(re.findall(r"^## (\w+)$", pages["interfaces.md"], re.MULTILINE))
    homes = {m: names for m, names in gantool._MODULES.items() if m.startswith("gantool.interfac")}
    assert titles == {name for names in homes.values() for name in names} | {"gantool_components"}
    assert "### Regularizer.discriminator_penalty\n" in pages["interfaces.md"]
    assert "### ImageSource.__len__\n" in pages["interfaces.md"]


def test_every_check_is_explained(pages: dict[str, str]) -> None:
    promises = [promise for group in GROUPS for promise in checks_for(group)]
    assert promises
    for promise in promises:
        assert f"| `{promise.name}` | " in pages["contract-checks.md"]


def test_every_built_in_component_is_explained(pages: dict[str, str]) -> None:
    own = [offer for offer in installed().offers if offer.plugin.distribution == "gantool"]
    assert own
    for offer in own:
        assert f"### {offer.kind}/{offer.name}\n" in pages["components.md"]


def test_the_code_of_the_tutorial_is_the_example() -> None:
    blocks = {match["file"]: match["code"] for match in FILE.finditer(TUTORIAL.read_text("utf-8"))}
    assert blocks.keys() == {
        "gantool_wgan_gp/plugin.py",
        "pyproject.toml",
        "slopes.toml",
        "tests/test_contract.py",
    }
    for name, code in blocks.items():
        content = (EXAMPLE / name).read_text(encoding="utf-8")
        if name == "pyproject.toml":  # without the settings of tools
            assert code == content.partition("[tool.ruff]")[0].rstrip() + "\n"
        else:
            assert code == content, name


def test_links_lead_somewhere() -> None:
    found = 0
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (DOCS / target).exists(), f"{page.name}: {target}"
            found += 1
    assert found
