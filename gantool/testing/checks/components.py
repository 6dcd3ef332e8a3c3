"""Promises of plugins as a whole, and of every component about its name, example and options."""

from __future__ import annotations

import inspect
import json
import math
import tomllib
from collections import Counter, abc
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import tomlkit
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined, to_jsonable_python

from gantool.interfaces.component import KINDS, Component
from gantool.registry.plugin import NAME, STATEMENT
from gantool.testing.harness.isolation import in_fresh_process
from gantool.testing.promises import BrokenPromise, checks_for, promise, require, with_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

    from gantool.registry.plugin import Plugin
    from gantool.testing.promises import Subject

IMPORTING = """
import contextlib, importlib, io
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    module = importlib.import_module(sys.argv[1])
    package = importlib.import_module(sys.argv[1].partition(".")[0])
late = hasattr(module, "gantool_interface") and not hasattr(package, "gantool_interface")
told = {"torch": "torch" in sys.modules, "printed": printed.getvalue(), "states_late": late}
print(json.dumps(told))
"""
LONGEST_SUMMARY = 100
"""Longest summary, in characters, that fits a line of a listing."""
Path = tuple[str | int, ...]
MUTABLE = (list, dict, set, bytearray, abc.Iterable, abc.Collection, abc.Sequence, abc.Mapping)
NOT_FINITE = (math.nan, math.inf, -math.inf)
UNKNOWN = "an-option-that-nobody-has"


@promise("plugin")
def loads(plugin: Plugin) -> None:
    """It can be loaded, and offers at least one component."""
    require(plugin.failure is None, str(plugin.failure))
    require(bool(plugin.components), f"the hook of {plugin.module} offers no component")


@promise("plugin")
def states_its_interface_in_its_package(plugin: Plugin) -> None:
    """An interface version that it states stands in its package, which is read before it is run."""
    late = _import(plugin.module)["states_late"]
    package = plugin.module.partition(".")[0]
    require(not late, f"{STATEMENT} stands in {plugin.module}: move it to {package}/__init__.py")


@promise("plugin")
def names_its_components_apart(plugin: Plugin) -> None:
    """No two of its components have the same kind and the same name."""
    names = Counter(f"{component.kind}/{component.name}" for component in plugin.components)
    repeated = [name for name, count in names.items() if count > 1]
    require(not repeated, f"offered more than once: {', '.join(repeated)}")


@promise("plugin")
def leaves_torch_unimported(plugin: Plugin) -> None:
    """Importing its module does not import torch, so that listings and help start at once."""
    torch_too = _import(plugin.module)["torch"]
    way_out = "import it inside the methods that use it"
    require(not torch_too, f"importing {plugin.module} imports torch; {way_out}")


@promise("plugin")
def prints_nothing_at_import(plugin: Plugin) -> None:
    """Importing its module prints nothing on stdout, which is for data."""
    printed = _import(plugin.module)["printed"]
    require(not printed, f"importing {plugin.module} prints {printed!r}")


@cache
def _import(module: str) -> dict[str, object]:
    """Import a module in a fresh process and return what happened."""
    found: dict[str, object] = json.loads(in_fresh_process(IMPORTING, module))
    return found


@promise("component")
def has_a_name_for_recipes(subject: Subject[Component]) -> None:
    """Its name is lower-case letters, digits and dashes, and not the name of a kind."""
    name = subject.component.name
    require(NAME.fullmatch(name) is not None, f"{name!r} is no lower-case name with dashes")
    require(name not in KINDS, f"'{name}' is the name of a kind")


@promise("component")
def says_what_it_is_in_one_line(subject: Subject[Component]) -> None:
    """Its own docstring begins with one sentence on one line, and then ends or leaves a line."""
    lines = inspect.cleandoc(subject.component.__doc__ or "").split("\n")
    summary = lines[0]
    require(bool(summary), f"class {subject.component.__name__} has no docstring of its own")
    require(summary.endswith("."), f"the first line is no whole sentence: {summary!r}")
    size = len(summary)
    require(size <= LONGEST_SUMMARY, f"the first line has {size} characters: {summary!r}")
    require(not any(lines[1:2]), f"the first line goes on in the second: {lines[1:2]}")


@promise("component")
def makes_an_example(subject: Subject[Component]) -> None:
    """Its `example` is an instance of it, and its options, written down, make an equal one."""
    example = subject.example()
    found = type(example).__name__
    require(isinstance(example, subject.component), f"`example` returned a {found}")
    again = with_options(example)
    require(again == example, f"read back, the example {example!r} is {again!r}")


@promise("component")
def cannot_be_changed(subject: Subject[Component]) -> None:
    """Its options cannot be changed once it is made: what changes lives in modules."""
    example = subject.example()
    for name in [*type(example).model_fields, "anything"]:
        try:
            setattr(example, name, getattr(example, name, None))
        except (ValueError, AttributeError, TypeError):
            continue
        require(False, f"its attribute '{name}' can be set")


@promise("component")
def excuses_known_checks(subject: Subject[Component]) -> None:
    """Its `expected_failures` are names of checks, each with a reason why it cannot pass."""
    component = subject.component
    known = {each.name for each in (*checks_for("component"), *checks_for(component.kind))}
    said: object = component.expected_failures
    if not isinstance(said, Mapping):
        raise BrokenPromise(f"`expected_failures` is {said!r}, not reasons by the names of checks")
    for name, reason in said.items():
        require(name in known, f"`expected_failures` names {name!r}, which is no check of it")
        given = isinstance(reason, str) and bool(reason.strip())
        require(given, f"`expected_failures` gives no reason for '{name}'")


@promise("component")
def describes_every_option(subject: Subject[Component]) -> None:
    """Every option has a docstring that says what it means."""
    fields = subject.component.model_fields
    silent = [name for name, field in fields.items() if not (field.description or "").strip()]
    require(not silent, f"no docstring below: {', '.join(silent)}")


@promise("component")
def refuses_unknown_options(subject: Subject[Component]) -> None:
    """An option that it does not have is refused, so that a misspelled one is noticed."""
    require(not _accepts(subject.example(), {UNKNOWN: 1}), f"it accepts the option '{UNKNOWN}'")


@promise("component")
def refuses_numbers_that_are_not_finite(subject: Subject[Component]) -> None:
    """NaN and infinity are refused wherever a number can stand."""
    example = subject.example()
    for path in _places(example):
        for number in NOT_FINITE:
            accepted = _accepts(example, _replaced(example.model_dump(mode="json"), path, number))
            place = ".".join(map(str, path))
            require(not accepted, f"the option '{place}' accepts {number}")


@promise("component")
def takes_no_text_for_numbers(subject: Subject[Component]) -> None:
    """Text and truth values are refused where a number is meant: nothing is guessed."""
    example = subject.example()
    document = example.model_dump(mode="json")
    for path, number in _numbers((), document):
        for value in (str(number), True):
            accepted = _accepts(example, _replaced(document, path, value))
            place = ".".join(map(str, path))
            require(not accepted, f"the option '{place}' accepts {value!r} for {number}")


@promise("component")
def has_no_mutable_options(subject: Subject[Component]) -> None:
    """No option is a list, a set or a table that could be changed: tuples take their place."""
    example = subject.example()
    for name, field in type(example).model_fields.items():
        mutable = next(_mutable_parts(field.annotation), None)
        require(mutable is None, f"the option '{name}' may hold a {mutable}; use a tuple")
    try:
        hash(example)
    except TypeError as error:
        require(False, f"an option holds something mutable: {error}")


@promise("component")
def has_defaults_that_a_recipe_can_say(subject: Subject[Component]) -> None:
    """Every default, written into a recipe, is read back as the same value."""
    for name, field in subject.component.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        if default is None or default is PydanticUndefined:
            continue
        read = _from_a_recipe(field, default)
        require(read == default, f"the default of '{name}' is {default!r}, read back {read!r}")


@promise("component")
def exports_a_schema(subject: Subject[Component]) -> None:
    """Its options export as a JSON schema, for editors and for `gantool describe`."""
    component = subject.component
    schema = json.loads(json.dumps(component.model_json_schema()))
    listed = set(schema.get("properties", {}))
    options = {field.alias or name for name, field in component.model_fields.items()}
    require(listed == options, f"the schema has {sorted(listed)}, the class {sorted(options)}")


def _from_a_recipe(field: FieldInfo, value: Any) -> Any:
    """Write a value into TOML and read it back as that option."""
    table = tomlkit.document()
    table["option"] = to_jsonable_python(value)
    said = tomllib.loads(tomlkit.dumps(table))["option"]
    option: Any = Annotated[field.annotation, *field.metadata, "as in a recipe"]
    adapter: TypeAdapter[Any] = TypeAdapter(option, config=ConfigDict(strict=True))
    return adapter.validate_json(json.dumps(said))


def _accepts(example: Component, options: Mapping[str, Any]) -> bool:
    """Whether some options may replace those of an example."""
    try:
        with_options(example, **options)
    except ValidationError:
        return False
    return True


def _places(example: Component) -> Iterator[Path]:
    """Yield the options, and the places inside them where the example holds numbers."""
    yield from ((name,) for name in type(example).model_fields)
    for path, _ in _numbers((), example.model_dump(mode="json")):
        if len(path) > 1:
            yield path


def _numbers(path: Path, value: Any) -> Iterator[tuple[Path, float]]:
    """Yield the numbers in plain data, with their paths."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _numbers((*path, key), part)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _numbers((*path, index), part)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def _replaced(document: Any, path: Path, value: Any) -> Any:
    """Return plain data with another value at a path."""
    if not path:
        return value
    first, *rest = path
    parts = document.items() if isinstance(document, dict) else enumerate(document)
    changed = {key: _replaced(v, (*rest,), value) if key == first else v for key, v in parts}
    return changed if isinstance(document, dict) else list(changed.values())


def _mutable_parts(annotation: Any) -> Iterator[str]:
    """Yield the names of mutable types inside an annotation."""
    kind = get_origin(annotation) or annotation
    if isinstance(kind, type):
        thawed = issubclass(kind, BaseModel) and not kind.model_config.get("frozen", False)
        if kind in MUTABLE or thawed:
            yield kind.__name__
    for part in get_args(annotation):
        yield from _mutable_parts(part)
