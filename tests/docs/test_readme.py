"""The README's code is code, and its commands are commands."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from gantool.cli.app import app
from gantool.interfaces.regularizer import Regularizer
from gantool.recipe.reading import read_recipe

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found, f"no {language} block found"
    return found


def test_plugin_is_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = [block for block in blocks("python") if "hookimpl" in block]
    (tmp_path / "readme_plugin.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("readme_plugin")
    (component,) = module.gantool_components()
    assert issubclass(component, Regularizer)
    assert component(gamma=2.0).gamma == 2.0


def test_recipe_is_a_recipe(tmp_path: Path) -> None:
    (recipe,) = [block for block in blocks("toml") if "extends" in block]
    path = tmp_path / "mine.toml"
    path.write_text(recipe, encoding="utf-8")
    shipped = read_recipe("spectral")
    assert dict(read_recipe(path).document) == dict(shipped.document)


def test_first_blocks_are_setup_and_tests() -> None:
    setup, tests = blocks("bash")[:2]
    assert "gantool run quickstart" in setup
    assert tests.strip().endswith("pytest")


def test_every_command_exists() -> None:
    used = set(re.findall(r"(?:`|\$ |&& )gantool ((?:data |cache )?[a-z]+(?:-[a-z]+)?)", README))
    names = {command.name for command in app.registered_commands}
    names |= {
        f"{group.name} {command.name}"
        for group in app.registered_groups
        if group.typer_instance is not None
        for command in group.typer_instance.registered_commands
    }
    assert {"run", "resume", "sample", "list-plugins", "new-plugin"} <= used
    assert used <= names


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_link_leads_somewhere(target: str) -> None:
    if not target.startswith("https://"):
        assert (Path(__file__).parents[2] / target).exists(), target
