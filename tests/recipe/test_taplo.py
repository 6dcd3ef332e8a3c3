"""What editors say of recipes: Taplo's command line with the schema that gantool prints."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.toml"))
TAPLO = shutil.which("taplo", path=str(Path(sys.executable).parent)) or shutil.which("taplo")

pytestmark = pytest.mark.skipif(TAPLO is None, reason="taplo is not installed")


class Verdict(NamedTuple):
    """What Taplo returns, and prints."""

    code: int
    text: str


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a schema and the configuration file that docs/editor.md gives."""
    folder = tmp_path_factory.mktemp("editor")
    command = [sys.executable, "-c", "from gantool.cli.app import main; main()", "schema"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    (folder / "gantool.schema.json").write_text(printed.stdout, encoding="utf-8")
    page = (ROOT / "docs" / "editor.md").read_text(encoding="utf-8")
    (rule,) = re.findall(r"```toml\n(\[\[rule\]\].+?)```", page, re.DOTALL)
    assert 'include = ["recipes/*.toml"]' in rule
    (folder / ".taplo.toml").write_text(rule, encoding="utf-8")
    (folder / "recipes").mkdir()
    return folder


def lint(folder: Path, path: Path) -> Verdict:
    assert TAPLO is not None
    command = [TAPLO, "lint", "--colors", "never", str(path)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return Verdict(done.returncode, done.stderr)


def test_shipped_recipes_are_accepted(folder: Path) -> None:
    assert RECIPES, "no recipes found"
    for recipe in RECIPES:
        copy = folder / "recipes" / recipe.name
        shutil.copy(recipe, copy)
        verdict = lint(folder, copy)
        assert verdict.code == 0, verdict.text


@pytest.mark.parametrize(
    ("line", "wrong", "message"),
    [
        ('use = "bce"', 'use = "bse"', '"bse" is not one of'),
        ("size = 32", 'size = "32"', '"32" is not valid under any'),
        ("width = 48", "width = 48.5", '48.5 is not of type "integer"'),
        ("width = 48", "widht = 48", "('widht' was unexpected)"),
        ("[loss]", "[losses]", "('losses' was unexpected)"),
        ("latent_dim = 64", "latent_dim = 0", "0 is less than"),
    ],
)
def test_a_mistake_is_named_where_it_is(folder: Path, line: str, wrong: str, message: str) -> None:
    text = (ROOT / "recipes" / "quickstart.toml").read_text(encoding="utf-8")
    assert text.count(f"\n{line}\n") == 1
    path = folder / "recipes" / "wrong.toml"
    path.write_text(text.replace(f"\n{line}\n", f"\n{wrong}\n"), encoding="utf-8")
    verdict = lint(folder, path)
    assert verdict.code == 1
    assert message in verdict.text
    assert wrong in verdict.text


def test_the_line_at_the_top_of_a_recipe_does_the_same(folder: Path) -> None:
    page = (ROOT / "docs" / "editor.md").read_text(encoding="utf-8")
    (heading,) = re.findall(r"^#:schema .+$", page, re.MULTILINE)
    for gamma, code in (("3.0", 0), ('"3"', 1)):
        path = folder / "mine.toml"  # outside of what .taplo.toml names
        table = f'[[regularizers]]\nuse = "r1"\ngamma = {gamma}\n'
        path.write_text(f'{heading}\nextends = "base"\n{table}', encoding="utf-8")
        assert lint(folder, path).code == code
        path.write_text(f'extends = "base"\n{table}', encoding="utf-8")
        assert lint(folder, path).code == 0  # nobody told it of a schema
