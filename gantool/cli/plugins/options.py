"""The options of a component in words, and a table of a recipe that holds them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from gantool.interfaces.component import Component

Schema = Mapping[str, Any]
"""A piece of a JSON schema."""

BEARINGS = {
    "training": "Another value trains something else.",
    "start": "Read only when a run begins.",
    "bits": "Another value changes only the last bits of numbers.",
    "nothing": "Another value changes nothing that is trained.",
}
"""What an option's bearing means, in a sentence."""
TYPES = {"boolean": "true | false", "string": "text", "object": "table", "null": "nothing"}
LIMITS = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
PLACEHOLDERS = {"boolean": False, "string": "...", "array": [], "object": {}}


@dataclass(frozen=True)
class Option:
    """An option of a component, its type in words.

    The default is plain data, None where the option is required, or absent by default. For a
    required one, `placeholder` is something of the right type.
    """

    name: str
    type: str
    required: bool
    default: Any
    meaning: str
    bears_upon: str
    placeholder: Any = None


def options_of(component: type[BaseModel]) -> list[Option]:
    """Return the options of a component, in the order of its fields."""
    from pydantic_core import to_jsonable_python

    from gantool.interfaces.component import bearings_of

    bearings = bearings_of(component)
    document = component.model_json_schema()
    schemas = document.get("properties", {})
    found = []
    for name, field in component.model_fields.items():
        key = field.alias or name
        schema = _resolved(schemas[key], document)
        required = field.is_required()
        default = None if required else field.get_default(call_default_factory=True)
        found.append(
            Option(
                name=key,
                type=in_words(schema, document),
                required=required,
                default=to_jsonable_python(default),
                meaning=" ".join((field.description or "").split()),
                bears_upon=bearings[key],
                placeholder=PLACEHOLDERS.get(schema.get("type", "string"), 0),
            )
        )
    return found


def in_words(schema: Schema, document: Schema) -> str:
    """Return what a piece of a JSON schema allows, in words."""
    schema = _resolved(schema, document)
    if "enum" in schema or "const" in schema:
        return " | ".join(map(as_toml, schema.get("enum", [schema.get("const")])))
    if alternatives := schema.get("anyOf", schema.get("oneOf")):
        branches = [_resolved(branch, document) for branch in alternatives]
        words = [in_words(each, document) for each in branches if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(words))
    match schema.get("type"):
        case "integer" | "number" as kind:
            return _number(kind, schema)
        case "array":
            return _array(schema, document)
        case "string" if schema.get("format", "").endswith("path"):
            return "path"
        case kind:
            names = f"{{ {', '.join(schema.get('properties', ()))} }}"
            return names if "properties" in schema else TYPES.get(str(kind), "anything")


def as_toml(value: Any) -> str:
    """Return a value as it stands behind the equals sign of a recipe."""
    import tomlkit

    if isinstance(value, dict):
        inside = ", ".join(f"{tomlkit.key(k).as_string()} = {as_toml(v)}" for k, v in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    return str(tomlkit.item(value).as_string())


def recipe_table(component: type[Component], use: str) -> str:
    """Return a table of a recipe that names a component and says all its options.

    Those that are absent by default are comments; required ones want another value.
    """
    from gantool.recipe.schema import LISTS

    if component.kind == "extractor":
        return f"[evaluation]\nextractor = {as_toml(use)}\n"
    arrays = {kind: array for array, kind in LISTS.items()}
    header = f"[[{arrays[component.kind]}]]" if component.kind in arrays else f"[{component.kind}]"
    lines = [header, f"use = {as_toml(use)}", *map(_line, options_of(component))]
    return "\n".join(lines) + "\n"


def export_command(component: type[Component], use: str) -> str:
    """Return a command that names an exporter and says all its options."""
    words = ["gantool", "export", "RUN", "--to", use]
    for option in options_of(component):
        value = option.placeholder if option.required else option.default
        if value is not None:
            words += ["--set", f"{component.name}.{option.name}={as_toml(value)}"]
    return shlex.join(words) + "\n"


def _line(option: Option) -> str:
    if option.required:
        return f"{option.name} = {as_toml(option.placeholder)}  # required: {option.type}"
    if option.default is None:
        return f"# {option.name} =  # {option.type}"
    return f"{option.name} = {as_toml(option.default)}"


def _number(kind: str, schema: Schema) -> str:
    if kind == "integer" and "exclusiveMinimum" in schema:
        schema = {**schema, "minimum": schema["exclusiveMinimum"] + 1}
        del schema["exclusiveMinimum"]
    words = "whole number" if kind == "integer" else "number"
    limits = [f"{sign} {schema[name]:g}" for name, sign in LIMITS.items() if name in schema]
    return f"{words} {' and '.join(limits)}" if limits else words


def _array(schema: Schema, document: Schema) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(in_words(each, document) for each in schema['prefixItems'])}]"
    return f"array of {in_words(schema.get('items', {}), document)}"


def _resolved(schema: Schema, document: Schema) -> Schema:
    """Follow a reference to a definition."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _resolved(document["$defs"][name], document)
    return schema
