from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from gantool.recipe.shipped import shipped_recipes
from gantool.registry.catalog import installed

pytestmark = pytest.mark.quick

THIRD_PARTY = '''
from gantool import Component, Loss, hookimpl


class Hinge(Loss):
    """A hinge\tof another make."""

    name = "hinge"

    def discriminator(self, real, fake):
        return fake - real

    def generator(self, fake, real):
        return -fake


@hookimpl
def gantool_components() -> list[type[Component]]:
    return [Hinge]
'''
ANSI = re.compile(r"\x1b\[[0-9;]*m")
BROKEN = "raise ImportError('no module\\nnamed \\x1b[31mred')"


def test_plugins_off_a_terminal_are_one_record_a_line(gantool: Callable[..., Any]) -> None:
    outcome = gantool("list-plugins")
    plugins = installed().plugins
    assert [record[0] for record in outcome.records] == [plugin.name for plugin in plugins]
    assert {len(record) for record in outcome.records} == {5}
    losses = next(record for record in outcome.records if record[0] == "losses")
    assert losses[3] == "loss/bce, loss/hinge, loss/least-squares, loss/wasserstein"


def test_plugins_as_json(gantool: Callable[..., Any]) -> None:
    plugins = json.loads(gantool("list-plugins", "--json").stdout)
    by_name = {plugin["name"]: plugin for plugin in plugins}
    assert by_name["weight-decay"] == {
        "name": "weight-decay",
        "module": "gantool_weight_decay.plugin",
        "distribution": "gantool",
        "version": by_name["weight-decay"]["version"],
        "interface": 1,
        "components": [{"kind": "regularizer", "name": "l2"}],
        "failure": None,
        "remark": None,
    }


def test_a_broken_plugin_is_shown_and_only_strict_fails(
    gantool: Callable[..., Any], install: Callable[..., None]
) -> None:
    install("third-broken", BROKEN)
    outcome = gantool("list-plugins")
    assert outcome.code == 0
    record = next(record for record in outcome.records if record[0] == "third-broken")
    assert record[1:] == [
        "gantool-third-broken",
        "1.2",
        "",
        "ImportError: no module named \\x1b[31mred",
    ]
    strict = gantool("list-plugins", "--strict")
    assert strict.code == 2
    assert strict.stdout == outcome.stdout
    assert "third-broken" in strict.stderr
    assert gantool("list-plugins", "--strict", "--json").code == 2


def test_strict_is_content_without_broken_plugins(gantool: Callable[..., Any]) -> None:
    assert gantool("list-plugins", "--strict").code == 0


def test_components_are_listed_by_what_finds_them(gantool: Callable[..., Any]) -> None:
    records = gantool("list-components").records
    assert len(records) == len(installed().offers) > 0
    for reference, plugin, summary in records:
        offer = installed().locate(reference)
        assert (plugin, summary) == (offer.plugin.name, offer.component.summary())


def test_components_of_one_kind(gantool: Callable[..., Any]) -> None:
    listed = json.loads(gantool("list-components", "regularizer", "--json").stdout)
    assert {each["component"] for each in listed} >= {"regularizer/l2", "regularizer/spectral-norm"}
    assert all(each.keys() == {"component", "plugin", "summary"} for each in listed)
    assert all(each["component"].startswith("regularizer/") for each in listed)
    assert gantool("list-components", "logger").code == 0


def test_an_unknown_kind_is_wrong_usage(gantool: Callable[..., Any]) -> None:
    outcome = gantool("list-components", "lossy")
    assert outcome.code == 2
    assert (
        "error: unknown kind 'lossy'\nhint: kinds: dataset, architecture, loss," in outcome.stderr
    )


def test_equal_names_are_listed_with_their_plugins(
    gantool: Callable[..., Any], install: Callable[..., None]
) -> None:
    install("third-party", THIRD_PARTY)
    records = gantool("list-components", "loss").records
    references = [record[0] for record in records]
    assert {"loss/losses:hinge", "loss/third-party:hinge", "loss/bce"} <= set(references)
    assert ["loss/third-party:hinge", "third-party", "A hinge of another make."] in records
    for reference in references:
        assert gantool("describe", reference).code == 0


def test_recipes(gantool: Callable[..., Any]) -> None:
    shipped = shipped_recipes()
    assert shipped
    expected = [[recipe.name, recipe.summary] for recipe in shipped]
    assert gantool("list-recipes").records == expected
    assert json.loads(gantool("list-recipes", "--json").stdout) == [
        {"name": recipe.name, "summary": recipe.summary, "path": str(recipe.path)}
        for recipe in shipped
    ]


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    ("command", "headings"),
    [
        ("list-plugins", ["plugin", "package", "version", "components"]),
        ("list-components", ["component", "plugin", "summary"]),
        ("list-recipes", ["recipe", "summary"]),
    ],
)
def test_on_a_terminal_a_table_with_headings_fits(
    columns: int,
    command: str,
    headings: list[str],
    gantool: Callable[..., Any],
    install: Callable[..., None],
    on_terminal: Callable[[int], None],
) -> None:
    install("third-broken", BROKEN)
    records = gantool(command).records
    on_terminal(columns)
    first, *rows = ANSI.sub("", gantool(command).stdout).splitlines()
    assert first.split() == headings
    assert max(len(row) for row in rows) <= columns
    names = [row.split()[0] for row in rows if row[0] != " "]
    assert names == [record[0] for record in records]
    assert "\x1b" not in "".join(rows)  # nor does a plugin's failure steer the terminal


def test_on_a_terminal_what_is_wrong_is_red_and_stands_where_components_would(
    gantool: Callable[..., Any],
    install: Callable[..., None],
    on_terminal: Callable[[int], None],
) -> None:
    install("third-broken", BROKEN)
    install("third-party", f"{THIRD_PARTY}\nprint('hello')\n")
    on_terminal(110)
    lines = gantool("list-plugins").stdout.splitlines()
    broken = next(line for line in lines if "third-broken" in line)
    assert "\x1b[31mImportError: no module named \\x1b[31mred" in broken
    place = next(index for index, line in enumerate(lines) if "third-party" in line)
    assert "loss/hinge" in lines[place]
    assert "\x1b[31mit prints while it is loaded: 'hello\\n'" in lines[place + 1]
    assert ANSI.sub("", lines[place + 1]).startswith("   ")
