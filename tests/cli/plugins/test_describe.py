from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, NonNegativeFloat, PositiveInt

from gantool.cli.plugins.options import as_toml, options_of, recipe_table
from gantool.cli.runs.export import chosen_exporters
from gantool.interfaces.regularizer import Regularizer
from gantool.recipe.schema import LISTS, SINGLES
from gantool.registry.catalog import Offer, installed

pytestmark = pytest.mark.quick

ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Everything(Regularizer):
    """Options of every type (Doe & Roe 2019, eq. 7).

    More of it follows Poe (see Moe et al. 2020).
    """

    name = "everything"

    needed: Path
    """A file."""
    also: Literal["a", "b"]
    weight: NonNegativeFloat = 0.5
    """How much
    of it."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    count: PositiveInt | None = None
    size: PositiveInt | tuple[PositiveInt, PositiveInt] = (3, 4)
    names: tuple[str, ...] = ("x", "y\n")
    table: dict[str, float] = Field(default_factory=lambda: {"k": 1.5})
    on: bool = True


def test_options_in_words() -> None:
    words = {option.name: option.type for option in options_of(Everything)}
    assert words == {
        "needed": "path",
        "also": '"a" | "b"',
        "weight": "number >= 0",
        "share": "number > 0 and <= 1",
        "count": "whole number >= 1",
        "size": "whole number >= 1 or [whole number >= 1, whole number >= 1]",
        "names": "array of text",
        "table": "table",
        "on": "true | false",
    }
    meanings = {option.name: option.meaning for option in options_of(Everything)}
    assert (meanings["needed"], meanings["weight"], meanings["on"]) == (
        "A file.",
        "How much of it.",
        "",
    )


def test_the_table_of_options_is_toml_with_the_defaults() -> None:
    table = recipe_table(Everything, "third:everything")
    ((entry,),) = tomllib.loads(table).values()
    assert entry == {
        "use": "third:everything",
        "needed": "...",
        "also": "...",
        "weight": 0.5,
        "share": 1.0,
        "size": [3, 4],
        "names": ["x", "y\n"],
        "table": {"k": 1.5},
        "on": True,
    }
    assert "# count =" in table
    assert 'needed = "..."  # required: path' in table


EXPORTERS = installed().of_kind("exporter")
NAMED_BY_RECIPES = [offer for offer in installed().offers if offer not in EXPORTERS]


@pytest.mark.parametrize("offer", EXPORTERS, ids=lambda offer: offer.full_name)
def test_every_exporter_has_a_command(offer: Offer, gantool: Callable[..., Any]) -> None:
    described = json.loads(gantool("describe", f"exporter/{offer.full_name}", "--json").stdout)
    program, command, _, to, name, *settings = shlex.split(described["command"])
    assert (program, command, to) == ("gantool", "export", "--to")
    values = [word for word in settings if word != "--set"]
    assert len(values) == len(described["options"])
    assert chosen_exporters([name], values) == {offer.full_name: offer.component()}
    page = gantool("describe", f"exporter/{offer.full_name}").stdout
    assert page.endswith(f"On the command line\n\n{described['command']}")


@pytest.mark.parametrize("offer", NAMED_BY_RECIPES, ids=lambda o: f"{o.kind}-{o.full_name}")
def test_every_component_can_be_pasted_into_a_recipe(
    offer: Offer, gantool: Callable[..., Any]
) -> None:
    described = json.loads(gantool("describe", f"{offer.kind}/{offer.full_name}", "--json").stdout)
    options = described["options"]
    assert all(option["meaning"] and option["type"] for option in options)
    (name, table), *rest = tomllib.loads(described["toml"]).items()
    assert rest == []
    if offer.kind == "extractor":  # which recipes name without options
        assert name == "evaluation"
        assert installed().find("extractor", table["extractor"]) == offer
        return
    assert name in (*SINGLES, "optimizer") or LISTS[name] == offer.kind
    entry = table if isinstance(table, dict) else table[0]
    assert installed().find(offer.kind, entry.pop("use")) == offer
    built = offer.component.model_validate_json(json.dumps(entry))
    required = {option["name"] for option in options if option["required"]}
    absent = {option["name"] for option in options if option["default"] is None} - required
    assert set(entry) == {option["name"] for option in options} - absent
    if not required:
        assert built == offer.component()


def test_components_were_found() -> None:
    assert len(installed().offers) >= 9
    assert len(EXPORTERS) >= 3


def test_json_names_plugin_and_papers(gantool: Callable[..., Any]) -> None:
    described = json.loads(gantool("describe", "loss/bce", "--json").stdout)
    assert described["component"] == "loss/bce"
    assert (described["plugin"], described["distribution"]) == ("losses", "gantool")
    assert described["papers"] == [
        "Goodfellow et al. 2014, section 3",
        "Salimans et al. 2016, section 3.4",
    ]
    assert described["options"] == [
        {
            "name": "real_target",
            "type": "number > 0.5 and <= 1",
            "required": False,
            "default": 1.0,
            "meaning": "Probability that the discriminator should give real images.",
            "bears_upon": "training",
        }
    ]


def test_a_page_off_a_terminal(gantool: Callable[..., Any]) -> None:
    page = gantool("describe", "dataset/folder").stdout
    assert page.startswith("dataset/folder\nplugin  folders (gantool ")
    assert "\nfolder\tpath\trequired\tWhere the images are;" in page
    assert page.endswith(
        '[dataset]\nuse = "folder"\nfolder = "..."  # required: path\nlabels = "auto"\n'
    )


def test_a_component_without_options_says_so(gantool: Callable[..., Any]) -> None:
    page = gantool("describe", "loss/hinge").stdout
    assert "It has no options." in page
    assert page.endswith('[loss]\nuse = "hinge"\n')


@pytest.mark.parametrize("columns", [80, 120])
def test_a_page_fits_a_terminal(
    columns: int, gantool: Callable[..., Any], on_terminal: Callable[[int], None]
) -> None:
    on_terminal(columns)
    page = ANSI.sub("", gantool("describe", "architecture/dcgan").stdout)
    lines = page.splitlines()
    assert max(map(len, lines)) <= columns
    headings = next(line.split() for line in lines if line.startswith("option "))
    assert headings == ["option", "type", "default", "meaning"]


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("loss/bcx", "unknown loss 'bcx'\nhint: did you mean 'bce'?"),
        ("bce", "'bce' names no component\nhint: expected KIND/NAME"),
        ("lossy/bce", "'lossy/bce' names no component"),
    ],
)
def test_what_is_not_there_is_exit_code_2(
    reference: str, said: str, gantool: Callable[..., Any]
) -> None:
    outcome = gantool("describe", reference)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"error: {said}" in outcome.stderr


def test_values_as_toml() -> None:
    values = [1, 1.5, True, 'a"b\n', ["x", [1]], {"k v": {"n": 1}}]
    assert [tomllib.loads(f"v = {as_toml(value)}")["v"] for value in values] == values
