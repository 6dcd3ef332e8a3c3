"""One JSON schema of everything that recipes can say here, for editors.

A table that names a component is a list of conditions, "if `use` is this, then these options":
an editor can then name the one key that is misspelled, which it cannot where several alternatives
have failed. Nothing is required, since a recipe that extends another one says only what differs.
The schema is in draft 7, the newest one that TOML editors understand.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from gantool.interfaces.step import PLAYERS
from gantool.recipe.schema import LISTS, SINGLES, CoreTables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from gantool.registry.catalog import Catalog

Schema = dict[str, Any]

DIALECT = "http://json-schema.org/draft-07/schema#"
OPTIMIZER = "optimizer"
NESTED = ("items", "additionalProperties", "not", "contains", "propertyNames")
"""Keywords whose value is a schema, or true or false."""
NAMED = ("properties", "patternProperties")
"""Keywords whose value holds schemas by name."""
BRANCHES = ("anyOf", "allOf", "oneOf")
"""Keywords whose value is a list of schemas."""
DROPPED = ("title", "discriminator", "required")
"""Keywords that say nothing to the writer of a recipe, who may extend one that says the rest."""
NULL = {"type": "null"}


class Choice(NamedTuple):
    """A component that `use` can name, by its name, its full name, or both."""

    names: tuple[str, ...]
    summary: str
    options: Schema | None
    """Their schemas by name; None where they are not known."""
    definitions: Schema
    """Schemas that those refer to."""


def recipe_schema(catalog: Catalog) -> Schema:
    """Return the schema of recipes that covers all components of a catalog."""
    tables, definitions = options_schema(CoreTables, "core")
    for kind in (*SINGLES, *LISTS.values(), OPTIMIZER):
        choices = _choices(kind, catalog)
        definitions[kind] = _table(choices)
        for choice in choices:
            definitions |= choice.definitions
    tables |= {kind: _reference(kind) for kind in SINGLES}
    tables |= {array: {"type": "array", "items": _reference(kind)} for array, kind in LISTS.items()}
    of_players = {str(player): _reference(OPTIMIZER) for player in PLAYERS}
    tables[OPTIMIZER] = _table(_choices(OPTIMIZER, catalog), of_players)
    evaluation = definitions["core.EvaluationTable"]["properties"]
    meaning = evaluation["extractor"]["description"]
    evaluation["extractor"] = _name_of(_choices("extractor", catalog), meaning)
    return {
        "$schema": DIALECT,
        "title": "gantool recipe",
        "description": "What to train: a recipe of gantool, with the components installed here.",
        "type": "object",
        "properties": tables,
        "additionalProperties": False,
        "definitions": definitions,
    }


def _reference(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _table(choices: Sequence[Choice], besides: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema of a table whose `use` decides about its options, others `besides`."""
    besides, by_option = dict(besides or {}), _by_option(choices)
    allowed: Schema = {name: {} for name in besides}  # what they are is said once, above
    meanings = {
        name: {"description": "\n\n".join({each.get("description", ""): None for each in schemas})}
        for name, schemas in by_option.items()
    }
    conditions = [
        {
            "if": {"properties": {"use": {"enum": list(choice.names)}}, "required": ["use"]},
            "then": _exactly({**choice.options, **allowed}),
        }
        for choice in choices
        if choice.options is not None
    ]
    anything = {  # which one is meant, the extended recipe says
        name: schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        for name, schemas in by_option.items()
    }
    without_use = {
        "if": {"not": {"required": ["use"]}},
        "then": _exactly({**anything, **allowed}),
    }
    return {
        "type": "object",
        "properties": {"use": _name_of(choices, "Its name."), **meanings, **besides},
        "allOf": [*conditions, without_use],
    }


def _name_of(choices: Sequence[Choice], description: str) -> Schema:
    """Return a list of names, full ones last, each explained to those who pick one."""
    named = [(name, choice.summary) for choice in choices for name in choice.names]
    named.sort(key=lambda one: ":" in one[0])
    return {
        "description": description,
        "enum": [name for name, _ in named],
        "x-taplo": {"docs": {"enumValues": [summary for _, summary in named]}},
    }


def _exactly(options: Mapping[str, Schema]) -> Schema:
    return {"properties": {"use": {}, **options}, "additionalProperties": False}


def _by_option(choices: Sequence[Choice]) -> dict[str, list[Schema]]:
    """Return the different schemas that an option has, by its name."""
    schemas: dict[str, list[Schema]] = {}
    for choice in choices:
        for name, schema in (choice.options or {}).items():
            if schema not in schemas.setdefault(name, []):
                schemas[name].append(schema)
    return schemas


def _choices(kind: str, catalog: Catalog) -> list[Choice]:
    """Return the components of a kind; a schema of theirs may fail, as a plugin's code may."""
    choices = []
    for offer in catalog.of_kind(kind):
        alone = catalog.shortest_name(offer) == offer.name
        names = (offer.name, offer.full_name) if alone else (offer.full_name,)
        known: tuple[Schema | None, Schema] = (None, {})  # its options are then not checked
        with suppress(Exception):
            known = options_schema(offer.component, f"{offer.kind}.{offer.full_name}")
        choices.append(Choice(names, offer.component.summary(), *known))
    return choices


def options_schema(model: type[BaseModel], owner: str) -> tuple[Schema, Schema]:
    """Return the schemas of a model's options by name, and definitions named after its owner."""
    document = model.model_json_schema(ref_template=f"#/definitions/{owner}.{{model}}")
    definitions = document.get("$defs", {})
    return (
        {name: in_draft7(schema) for name, schema in document.get("properties", {}).items()},
        {f"{owner}.{name}": in_draft7(schema) for name, schema in definitions.items()},
    )


def in_draft7(schema: Any) -> Any:
    """Translate a schema that pydantic made; TOML has no null, so that is left out."""
    if not isinstance(schema, Mapping):  # true or false
        return schema
    translated: Schema = {}
    for keyword, value in schema.items():
        if keyword in NESTED:
            translated[keyword] = in_draft7(value)
        elif keyword in NAMED:
            translated[keyword] = {name: in_draft7(each) for name, each in value.items()}
        elif keyword in BRANCHES:
            translated |= _branches(keyword, value)
        elif keyword == "prefixItems":  # a tuple
            translated["items"] = [in_draft7(each) for each in value]
            translated["additionalItems"] = False
        elif keyword not in DROPPED and not (keyword == "default" and value is None):
            translated[keyword] = value
    return _beside_reference(translated)


def _branches(keyword: str, schemas: list[Schema]) -> Schema:
    """Return alternatives; where only one is left, it stands for itself."""
    branches = [in_draft7(each) for each in schemas if each != NULL]
    if len(branches) == 1 and keyword != "allOf":
        return dict(branches[0])
    # Of alternatives, editors report "matches none" just the same, but never "matches several".
    return {"anyOf" if keyword == "oneOf" else keyword: branches}


def _beside_reference(schema: Schema) -> Schema:
    """Keep what stands beside a reference, which draft 7 would ignore."""
    if "$ref" not in schema or len(schema) == 1:
        return schema
    reference = {"$ref": schema.pop("$ref")}
    return {**schema, "allOf": [reference, *schema.get("allOf", [])]}
