"""One JSON schema of everything that recipes can say here, for editors.

A table that names a component is a list of conditions, "if `use` is this, then these options":
an editor can then name the one key that is misspelled, which it cannot where several alternatives
have failed. Nothing is required, since a recipe that extends another one says only what differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gantool.interfaces.step import PLAYERS
from gantool.recipe.schema import LISTS, SINGLES, CoreTables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

    from gantool.registry.catalog import Catalog, Offer

DIALECT = "http://json-schema.org/draft-07/schema#"
OPTIMIZER = "optimizer"


@dataclass(frozen=True)
class Choice:
    """What `use` can name.

    Attributes:
        names: Its name, its full name, or both.
        summary: What it is.
        options: Their schemas by name; None where they are not known.
        definitions: What those schemas refer to.
    """

    names: tuple[str, ...]
    summary: str
    options: Schema | None
    definitions: Schema


def recipe_schema(catalog: Catalog) -> Schema:
    """Return the schema of recipes, in draft 7, that covers all components of a catalog."""
    tables, definitions = options_schema(CoreTables, "core")
    for kind in SINGLES:
        choices = _components(kind, catalog)
        tables[kind] = {"$ref": f"#/definitions/{kind}"}
        definitions |= {kind: table_of_choices(choices), **_definitions(choices)}
    for array, kind in LISTS.items():
        choices = _components(kind, catalog)
        tables[array] = {"type": "array", "items": {"$ref": f"#/definitions/{kind}"}}
        definitions |= {kind: table_of_choices(choices), **_definitions(choices)}
    optimizers = _components(OPTIMIZER, catalog)
    of_players = {str(player): {"$ref": f"#/definitions/{OPTIMIZER}"} for player in PLAYERS}
    tables[OPTIMIZER] = table_of_choices(optimizers, of_players)
    definitions |= {OPTIMIZER: table_of_choices(optimizers), **_definitions(optimizers)}
    evaluation = definitions["core.EvaluationTable"]["properties"]
    meaning = evaluation["extractor"]["description"]
    evaluation["extractor"] = _name_of(_components("extractor", catalog), meaning)
    return {
        "$schema": DIALECT,
        "title": "gantool recipe",
        "description": "What to train: a recipe of gantool, with the components installed here.",
        "type": "object",
        "properties": tables,
        "additionalProperties": False,
        "definitions": definitions,
    }


def table_of_choices(
    choices: Sequence[Choice], besides: Mapping[str, Schema] | None = None
) -> Schema:
    """Return the schema of a table whose `use` decides about its other options.

    Args:
        choices: What `use` can name.
        besides: Tables inside this one, whatever `use` says.
    """
    besides = dict(besides or {})
    allowed: Schema = {name: {} for name in besides}  # what they are is said once, above
    return {
        "type": "object",
        "properties": {"use": _name_of(choices, "Its name."), **_explained(choices), **besides},
        "allOf": [
            *(
                {"if": _names(choice), "then": _exactly({**choice.options, **allowed})}
                for choice in choices
                if choice.options is not None
            ),
            {
                "if": {"not": {"required": ["use"]}},
                "then": _exactly({**_anything_of(choices), **allowed}),
            },
        ],
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


def _names(choice: Choice) -> Schema:
    return {"properties": {"use": {"enum": list(choice.names)}}, "required": ["use"]}


def _exactly(options: Mapping[str, Schema]) -> Schema:
    return {"properties": {"use": {}, **options}, "additionalProperties": False}


def _explained(choices: Sequence[Choice]) -> Schema:
    """Return what every option means, where editors look for it: outside of conditions."""
    meanings: dict[str, dict[str, None]] = {}
    for choice in choices:
        for name, schema in (choice.options or {}).items():
            meanings.setdefault(name, {})[schema.get("description", "")] = None
    return {name: {"description": "\n\n".join(said)} for name, said in meanings.items()}


def _anything_of(choices: Sequence[Choice]) -> Schema:
    """Return the options of all choices: which one is meant, the extended recipe says."""
    found: dict[str, list[Schema]] = {}
    for choice in choices:
        for name, schema in (choice.options or {}).items():
            if schema not in found.setdefault(name, []):
                found[name].append(schema)
    return {
        name: schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        for name, schemas in found.items()
    }


def _components(kind: str, catalog: Catalog) -> list[Choice]:
    offers = catalog.of_kind(kind)
    names = [offer.name for offer in offers]
    return [_component(offer, alone=names.count(offer.name) == 1) for offer in offers]


def _component(offer: Offer, *, alone: bool) -> Choice:
    """Return a component as a choice; its own schema may fail, as a plugin's code may."""
    names = (offer.name, offer.full_name) if alone else (offer.full_name,)
    summary = offer.component.summary()
    try:
        known = options_schema(offer.component, f"{offer.kind}.{offer.full_name}")
    except Exception:  # its options are then not checked here
        return Choice(names, summary, None, {})
    return Choice(names, summary, *known)


def _definitions(choices: Sequence[Choice]) -> Schema:
    return {name: schema for each in choices for name, schema in each.definitions.items()}


Schema = dict[str, Any]

NESTED = ("items", "additionalProperties", "not", "contains", "propertyNames")
"""Keywords whose value is a schema, or true or false."""
NAMED = ("properties", "patternProperties")
"""Keywords whose value holds schemas by name."""
BRANCHES = ("anyOf", "allOf", "oneOf")
"""Keywords whose value is a list of schemas."""
DROPPED = ("title", "discriminator")
"""Keywords that say nothing to the writer of a recipe."""
NULL = {"type": "null"}


def options_schema(model: type[BaseModel], owner: str) -> tuple[Schema, Schema]:
    """Return the schemas of a model's options by name, and the definitions they refer to.

    Args:
        model: A table of the core, or a component.
        owner: What its definitions are named after, unlike those of every other model.
    """
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
    found: Schema = {}
    for keyword, value in schema.items():
        if keyword in NESTED:
            found[keyword] = in_draft7(value)
        elif keyword in NAMED:
            found[keyword] = {name: in_draft7(each) for name, each in value.items()}
        elif keyword in BRANCHES:
            found |= _branches(keyword, value)
        elif keyword == "prefixItems":  # a tuple
            found["items"] = [in_draft7(each) for each in value]
            found["additionalItems"] = False
        elif keyword not in DROPPED and not (keyword == "default" and value is None):
            found[keyword] = value
    return _beside_reference(found)


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
