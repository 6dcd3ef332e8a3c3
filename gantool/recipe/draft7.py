"""JSON schemas in draft 7, the newest one that TOML editors understand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

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
