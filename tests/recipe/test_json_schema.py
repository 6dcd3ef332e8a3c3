"""What editors are told of recipes agrees with what recipes may really say."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from gantool.interfaces.loss import Loss
from gantool.recipe.editor import in_draft7, recipe_schema
from gantool.recipe.shipped import shipped_recipes
from gantool.registry.catalog import Catalog, installed
from gantool.registry.plugin import Plugin

if TYPE_CHECKING:
    from torch import Tensor

pytestmark = pytest.mark.quick

Faults = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(recipe_schema(installed())))
    Draft7Validator.check_schema(found)
    return found


@pytest.fixture(scope="module")
def faults(schema: dict[str, Any]) -> Faults:
    """Return what says what is wrong with a recipe: where, and in which words."""
    return lambda text: _faults(schema, text)


def _faults(schema: dict[str, Any], text: str) -> list[str]:
    errors = Draft7Validator(schema).iter_errors(tomllib.loads(text))
    return sorted(f"{'.'.join(map(str, each.path))}: {each.message}" for each in errors)


def test_shipped_recipes_are_valid(faults: Faults) -> None:
    shipped = shipped_recipes()
    assert shipped
    for recipe in shipped:
        assert faults(recipe.path.read_text(encoding="utf-8")) == []


def test_examples_of_every_component_are_valid(faults: Faults) -> None:
    from gantool.cli.plugins.options import recipe_table

    checked = 0
    for offer in installed().offers:
        if offer.kind == "exporter":  # which recipes do not name
            continue
        for name in (offer.name, offer.full_name):
            table = recipe_table(offer.component, name)
            if "required:" not in table:
                assert faults(table) == [], table
                checked += 1
    assert checked >= 20


def test_nothing_is_required_and_no_alternatives_hide_the_culprit(schema: dict[str, Any]) -> None:
    keywords = list(_keywords(schema))
    assert "oneOf" not in keywords
    assert "$defs" not in keywords
    assert "prefixItems" not in keywords
    assert "required" not in [key for key in keywords if key != "required in a condition"]


def _keywords(schema: Any, condition: bool = False) -> Iterator[str]:
    """Yield the keywords of a schema and of those inside; `required` may stand in conditions."""
    if isinstance(schema, list):
        for part in schema:
            yield from _keywords(part, condition)
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        yield "required in a condition" if keyword == "required" and condition else keyword
        if keyword in ("properties", "definitions", "patternProperties"):
            for part in value.values():
                yield from _keywords(part, condition)
        elif keyword not in ("default", "enum", "const", "x-taplo", "required"):
            yield from _keywords(value, condition or keyword == "if")


@pytest.mark.parametrize(
    "recipe",
    [
        "",
        'extends = "base.toml"\nrequires = ["gantool-foo>=1"]',
        "[architecture]\nwidth = 32",
        '[architecture]\nuse = "dcgan:dcgan"\nwidth = 32',
        "[optimizer]\nalpha = 0.9\n[optimizer.discriminator]\nlearning_rate = 4",
        "[optimizer]\nuse = 'sgd'\nmomentum = -0.3\n[optimizer.generator]\nuse = 'adam'\neps = 1",
        "[image]\nsize = [64, 32]",
        "[image]\nsize = 64\nheld_out = 0",
        '[evaluation]\nextractor = "random-conv"',
        "[[regularizers]]\nuse = 'l2'\nplayer = 'generator'\n[[regularizers]]\nuse = 'r1'",
    ],
)
def test_recipes_that_may_be_meant(faults: Faults, recipe: str) -> None:
    assert faults(recipe) == []


@pytest.mark.parametrize(
    ("recipe", "fault"),
    [
        ("extend = 'x'", ": Additional properties are not allowed ('extend' was unexpected)"),
        ("[imag]", ": Additional properties are not allowed ('imag' was unexpected)"),
        (
            "[image]\nsise = 3",
            "image: Additional properties are not allowed ('sise' was unexpected)",
        ),
        (
            "[architecture]\nuse = 'dcgan'\nchanels = 3",
            "architecture: Additional properties are not allowed ('chanels' was unexpected)",
        ),
        (
            "[loss]\nmargn = 3",
            "loss: Additional properties are not allowed ('margn' was unexpected)",
        ),
        (
            "[loss]\nuse = 'hinge'\nreal_target = 0.9",
            "loss: Additional properties are not allowed ('real_target' was unexpected)",
        ),
        (
            "[optimizer]\nuse = 'sgd'\nbetas = [0.5, 0.9]",
            "optimizer: Additional properties are not allowed ('betas' was unexpected)",
        ),
        (
            "[optimizer.generator]\nlearning_rat = 1",
            "optimizer.generator: Additional properties are not allowed "
            "('learning_rat' was unexpected)",
        ),
        (
            "[[regularizers]]\nuse = 'l2'\nwight_decay = 1",
            "regularizers.0: Additional properties are not allowed ('wight_decay' was unexpected)",
        ),
        ("[loss]\nuse = 'bce'\nreal_target = 0.2", "loss.real_target: 0.2 is less than or equal"),
        ("[training]\nsteps = '5'", "training.steps: '5' is not of type 'integer'"),
        ("[optimizer]\nbetas = [0.5]", "optimizer.betas: [0.5] is too short"),
        ("[loss]\nuse = 'hing'", "loss.use: 'hing' is not one of ["),
        ("[evaluation]\nextractor = 'incept'", "evaluation.extractor: 'incept' is not one of ["),
    ],
)
def test_the_one_culprit_is_named(faults: Faults, recipe: str, fault: str) -> None:
    (found,) = faults(recipe)
    assert found.startswith(fault)


def test_options_and_names_are_explained(schema: dict[str, Any]) -> None:
    loss = schema["definitions"]["loss"]["properties"]
    names = loss["use"]["enum"]
    assert names.index("hinge") < names.index("losses:bce")
    summaries = loss["use"]["x-taplo"]["docs"]["enumValues"]
    assert summaries[names.index("losses:hinge")].startswith("Hinge loss (Lim & Ye 2017")
    assert loss["real_target"]["description"].startswith("Probability that the discriminator")


class _Odd(Loss):
    """A loss whose options no schema can tell."""

    name = "odd"
    option: int = 1

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        raise NotImplementedError

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        raise NotImplementedError

    @classmethod
    def model_json_schema(cls, *arguments: Any, **options: Any) -> dict[str, Any]:
        raise RuntimeError("no schema")


class _Even(_Odd):
    """A loss of a name that two plugins have."""

    name = "even"


def test_a_component_without_a_schema_is_not_checked_and_an_ambiguous_name_refused() -> None:
    catalog = Catalog(
        [Plugin("a", "a", "a", "1", (_Odd, _Even)), Plugin("b", "b", "b", "1", (_Even,))]
    )
    schema = recipe_schema(catalog)
    Draft7Validator.check_schema(schema)
    assert _faults(schema, "[loss]\nuse = 'odd'\nanything = 1") == []
    assert _faults(schema, "[loss]\nuse = 'b:even'") == []
    (fault,) = _faults(schema, "[loss]\nuse = 'even'")
    assert "is not one of ['odd', 'a:even', 'a:odd', 'b:even']" in fault


def test_translation_into_draft_7() -> None:
    assert in_draft7(
        {
            "title": "T",
            "type": "object",
            "properties": {
                "title": {"title": "Title", "type": "string"},
                "pair": {"prefixItems": [{"type": "integer", "title": "X"}], "maxItems": 1},
                "maybe": {
                    "anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}],
                    "default": None,
                },
                "tagged": {"oneOf": [{"const": 1}, {"const": 2}], "discriminator": {"x": 1}},
                "there": {"$ref": "#/definitions/a", "description": "d", "default": {"title": 1}},
                "plain": {"$ref": "#/definitions/a"},
            },
            "additionalProperties": False,
        }
    ) == {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "pair": {"items": [{"type": "integer"}], "additionalItems": False, "maxItems": 1},
            "maybe": {"type": "number", "minimum": 0},
            "tagged": {"anyOf": [{"const": 1}, {"const": 2}]},
            "there": {
                "allOf": [{"$ref": "#/definitions/a"}],
                "description": "d",
                "default": {"title": 1},
            },
            "plain": {"$ref": "#/definitions/a"},
        },
        "additionalProperties": False,
    }
