"""What the documentation says is what the code says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer.main
from pydantic import BaseModel

import gantool
from gantool import Optimizer, errors
from gantool.cli.app import app
from gantool.recipe.reading import read_recipe
from gantool.recipe.schema import CORE_TABLES, LISTS, SINGLES
from gantool.registry.catalog import installed
from gantool.testing import checks_for
from gantool.testing.promises import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RECIPES = DOCS / "recipes.md"
TUTORIAL = DOCS / "writing-a-plugin.md"
EXAMPLE = DOCS / "examples" / "gantool-wgan-gp"
GENERATED = ("commands.md", "components.md", "contract-checks.md", "interfaces.md", "recipes.md")
FILE = re.compile(r"^`(?P<file>[\w./-]+)`:\n\n```\w+\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of the tutorial that is introduced by the name of a file."""


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS)  # as python docs/generate.py has it
        made: dict[str, str] = runpy.run_path(str(DOCS / "generate.py"))["pages"]()
    return made


def test_every_generated_page_is_checked(pages: dict[str, str]) -> None:
    assert sorted(pages) == sorted(GENERATED)


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_up_to_date(pages: dict[str, str], name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == pages[name], "write it again: python docs/generate.py"


def test_conventions_are_of_components_that_there_are_and_tested_where_they_say_so() -> None:
    text = (DOCS / "conventions.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[-1] != "tested |"]
    named = {name for row in rows for name in re.findall(r"`([a-z][a-z0-9-]+)`", row[0])}
    offered = {offer.name for offer in installed().offers}
    assert len(named & offered) > 15
    assert named - offered <= {"steps", "transformed"}
    tests = (ROOT / "tests" / "plugins" / "test_conventions.py").read_text(encoding="utf-8")
    assert len([row for row in rows if "✓" in row[-1]]) == len(
        re.findall(r"^def test_", tests, re.M)
    )


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
        "gantool_wgan_gp/__init__.py",
    }
    for name, code in blocks.items():
        content = (EXAMPLE / name).read_text(encoding="utf-8")
        if name == "pyproject.toml":  # without the settings of tools
            assert code == content.partition("[tool.ruff]")[0].rstrip() + "\n"
        else:
            assert code == content, name


def test_every_command_is_explained(pages: dict[str, str]) -> None:
    titles = set(re.findall(r"^### gantool (.+)$", pages["commands.md"], re.MULTILINE))
    assert titles == {" ".join(path) for path in commands(typer.main.get_command(app))}
    assert "| `--steps N` | Generator updates in all. (at least 1) |" in pages["commands.md"]


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        inside = getattr(command, "commands", None)
        yield from [(*path, name)] if inside is None else commands(command, (*path, name))


def test_every_exit_code_is_explained(pages: dict[str, str]) -> None:
    said = re.findall(r"^\| (\d+)(?: or (\d+))? \| ", pages["commands.md"], re.MULTILINE)
    codes = {int(code) for codes in said for code in codes if code}
    raised = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.GantoolError)
    }
    assert codes == raised | {0, 130, 143}


def test_every_variable_of_the_environment_is_explained(pages: dict[str, str]) -> None:
    sources = [path for room in ("gantool", "plugins") for path in (ROOT / room).rglob("*.py")]
    read = {
        name for path in sources for name in re.findall(r"GANTOOL_\w+", path.read_text("utf-8"))
    }
    assert read
    assert read <= set(re.findall(r"^\| `(GANTOOL_\w+)` \| ", pages["commands.md"], re.MULTILINE))


def test_every_option_of_a_recipe_is_explained(pages: dict[str, str]) -> None:
    rows = re.findall(r"^\| `(\w+)` \| ", pages["recipes.md"], re.MULTILINE)
    tables: list[type[BaseModel]] = [*CORE_TABLES.values(), Optimizer]
    assert {name for table in tables for name in table.model_fields} <= set(rows)
    for name in (*CORE_TABLES, "optimizer"):
        assert f"### `[{name}]`\n" in pages["recipes.md"]
    for kind in (*SINGLES, *LISTS.values(), "optimizer"):
        for name in installed().names(kind):
            assert f"(components.md#{kind}{name})" in pages["recipes.md"]


def test_the_recipes_that_explain_recipes_are_recipes(tmp_path: Path) -> None:
    blocks = re.findall(
        r"^```toml\n(.*?)^```$", RECIPES.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "pictures").mkdir()
    assert len(blocks) == 3
    for block in blocks:
        path = tmp_path / "mine.toml"
        path.write_text(block, encoding="utf-8")
        assert not read_recipe(path).warnings
