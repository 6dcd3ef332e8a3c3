"""READMEs of plugins say what the code says."""

from __future__ import annotations

import json
import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from gantool import Component

PLUGINS = Path(__file__).parents[2] / "plugins"
PACKAGES = ["gantool_dcgan", "gantool_losses", "gantool_spectral_norm", "gantool_weight_decay"]
HEADER = re.compile(r"\| option \| default \|.*\n\|[-|]+\n((?:\|.*\n)+)")
ROW = re.compile(r"\| `(\w+)` \| (.+?) \|")


def options(package: str) -> dict[str, list[object]]:
    """Return the defaults that a plugin's components give each option."""
    found: dict[str, list[object]] = {}
    components: list[type[Component]]
    components = import_module(f"{package}.plugin").gantool_components()
    for component in components:
        for name, field in component.model_fields.items():
            default = field.get_default(call_default_factory=True)
            found.setdefault(name, []).append(default)
    return found


def rows(readme: Path) -> list[tuple[str, str]]:
    table = HEADER.search(readme.read_text(encoding="utf-8"))
    return ROW.findall(table[1]) if table else []


def said(cell: str) -> Any:
    """Return a default as the table says it: TOML in backticks, or a bare number."""
    return tomllib.loads(f"value = {cell.strip('`')}")["value"]


@pytest.mark.parametrize("package", PACKAGES)
def test_options_and_defaults_are_those_of_the_code(package: str) -> None:
    known, table = options(package), rows(PLUGINS / package / "README.md")
    assert [name for name, _ in table] == list(dict(table))
    assert {name for name, _ in table} == set(known)
    for name, cell in table:
        assert said(cell) in known[name], name


@pytest.mark.parametrize("package", PACKAGES)
def test_the_example_is_a_table_that_the_plugin_takes(package: str) -> None:
    text = (PLUGINS / package / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.+?)```", text, re.DOTALL)
    assert example
    (content,) = tomllib.loads(example[1]).values()
    table = content[0] if isinstance(content, list) else content
    components: list[type[Component]]
    components = import_module(f"{package}.plugin").gantool_components()
    by_name = {component.name: component for component in components}
    by_name[table.pop("use")].model_validate_json(json.dumps(table))
