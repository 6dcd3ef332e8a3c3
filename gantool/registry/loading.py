"""Find the installed plugins and load each of them, so that a broken one hurts nobody else."""

from __future__ import annotations

import inspect
import os
from contextlib import redirect_stdout
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, distributions, entry_points
from io import StringIO
from typing import TYPE_CHECKING, Any

import pluggy

from gantool.errors import GantoolError, PluginError
from gantool.interfaces import component as hooks
from gantool.interfaces.component import KINDS, Component
from gantool.interfaces.metric import DIRECTIONS, Metric
from gantool.interfaces.regularizer import Regularizer
from gantool.registry.plugin import (
    DISABLED,
    NAME,
    OWN_DISTRIBUTION,
    Package,
    Plugin,
    named_if_slow,
    package_of,
    refuse_other_interface,
    said,
    stated_interface,
    working_folder_kept,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


GROUP = "gantool.plugins"
ENTRY_POINTS = "entry_points.txt"
HOOK = hooks.gantool_components.__name__
LONGEST_QUOTE = 60
"""Characters that are quoted of what a plugin prints or returns."""


def discover() -> tuple[Plugin, ...]:
    """Load every installed plugin: gantool's own first, then by name.

    Plugins named in the environment variable GANTOOL_DISABLE_PLUGINS are left out.
    """
    disabled = {name.strip() for name in os.environ.get(DISABLED, "").split(",")}
    entries, unreadable = _entries()
    plugins: dict[str, Plugin] = {}
    repeated = []
    packages = {dist: package_of(dist) for dist in {entry.dist for entry in entries}}

    def order(entry: EntryPoint) -> tuple[bool, str, str]:
        package = packages[entry.dist].name
        return package != OWN_DISTRIBUTION, entry.name, package

    for entry in sorted(entries, key=order):
        if entry.name in disabled:
            continue
        package = packages[entry.dist]
        plugin = Plugin(entry.name, entry.value, package.name, package.version)
        if entry.name in plugins:
            first = plugins[entry.name]
            failure = f"its name is taken by the plugin of {first.distribution} {first.version}"
            repeated.append(replace(plugin, failure=failure))
        else:
            plugins[entry.name] = load(plugin, entry, package)
    return (*plugins.values(), *repeated, *unreadable)


def _entries() -> tuple[list[EntryPoint], list[Plugin]]:
    """Return the declared entry points, and what is known of packages that declare them badly."""
    try:
        return list(entry_points(group=GROUP)), []
    except Exception:  # one malformed file of any package fails this call for all of them
        return _entries_one_by_one()


def _entries_one_by_one() -> tuple[list[EntryPoint], list[Plugin]]:
    """Look into each package by itself; of two with the same name, Python imports the first."""
    entries: list[EntryPoint] = []
    unreadable: list[Plugin] = []
    seen = set()
    for distribution in distributions():
        package = package_of(distribution)
        if package.name in seen:
            continue
        seen.add(package.name)
        try:
            entries += distribution.entry_points.select(group=GROUP)
        except Exception as error:  # a parser meets any text at all
            if GROUP in (distribution.read_text(ENTRY_POINTS) or ""):
                failure = f"its {ENTRY_POINTS} cannot be read: {error}"
                name = package.name.removeprefix(f"{OWN_DISTRIBUTION}-")
                plugin = Plugin(name, "unknown", package.name, package.version, failure=failure)
                unreadable.append(plugin)
    return entries, unreadable


def load(plugin: Plugin, entry: EntryPoint, package: Package) -> Plugin:
    """Load a plugin; whatever goes wrong becomes its `failure`."""
    if misfit := package.misfit():
        return replace(plugin, failure=misfit)
    printed = StringIO()  # stdout is data; a plugin's prints are not
    try:
        with redirect_stdout(printed), working_folder_kept(), named_if_slow(plugin.name):
            if not plugin.is_own:
                plugin = replace(plugin, interface=stated_interface(plugin.module))
                refuse_other_interface(plugin)
            components = _components(plugin.name, entry.load())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may fail in any way
        return replace(plugin, failure=" ".join(reason(error, package).split()))
    prints = f"it prints while it is loaded: {_quoted(printed.getvalue())}"
    return replace(plugin, components=components, remark=prints if printed.getvalue() else None)


def reason(error: BaseException, package: Package) -> str:
    """Say why a plugin cannot be loaded."""
    if isinstance(error, GantoolError):
        return error.message if error.hint is None else f"{error.message}; {error.hint}"
    if isinstance(error, pluggy.PluginValidationError):
        return str(error).strip().splitlines()[-1]  # the lines before tell the whole module
    if isinstance(error, SystemExit):
        return f"loading it ends the program (SystemExit: {error.code})"
    text = f"{type(error).__name__}: {said(error)}".removesuffix(": ")
    if isinstance(error, ImportError) and (missing := package.missing()):
        return f"{text}; missing: {', '.join(missing)}"
    return text


def _components(name: str, module: Any) -> tuple[type[Component], ...]:
    """Return the components that a module's hook implementations offer, if they keep the rules."""
    if not NAME.fullmatch(name) or name in KINDS:
        raise PluginError(f"a plugin cannot be called '{name}'", "lower-case letters, digits, '-'")
    manager = _manager()
    try:
        manager.register(module, name)
        for caller in manager.get_hookcallers(module) or ():
            if not caller.has_spec():
                unknown = f"it implements the unknown hook '{caller.name}'"
                raise PluginError(unknown, f"known: {HOOK}")
        implementations = manager.hook.gantool_components.get_hookimpls()
    finally:
        if manager.is_registered(module):
            manager.unregister(module)
    if not implementations:
        raise PluginError(f"it offers nothing: no function {HOOK} is marked with @gantool.hookimpl")
    components = [checked(each) for one in implementations for each in _offered(one.function())]
    _refuse_repeats(components)
    return tuple(components)


@cache
def _manager() -> pluggy.PluginManager:
    """Return what reads plugins' modules, one after the other: it takes time to make."""
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    return manager


def _offered(offer: Any) -> Iterable[Any]:
    if not isinstance(offer, list | tuple):
        expected = "expected a list of component classes"
        raise PluginError(f"{HOOK} returned {_quoted(offer)}, {expected}")
    return offer


def checked(component: Any) -> type[Component]:
    """Return an offered class if it is a whole component with a kind and a name."""
    if not (isinstance(component, type) and issubclass(component, Component)):
        raise PluginError(f"{HOOK} offers {_quoted(component)}, which is no component class")
    name = component.__name__
    if getattr(component, "kind", None) not in KINDS:
        raise PluginError(f"component class {name} is of none of the kinds {', '.join(KINDS)}")
    if not NAME.fullmatch(str(getattr(component, "name", ""))):
        raise PluginError(
            f"component class {name} needs a `name`", "lower-case letters, digits, '-'"
        )
    if inspect.isabstract(component):
        lacking = ", ".join(sorted(component.__abstractmethods__))
        raise PluginError(f"component class {name} does not implement {lacking}")
    _refuse_unknown_types(component)
    _refuse_wrong_claims(component)
    return component


def _refuse_unknown_types(component: type[Component]) -> None:
    """Refuse options whose types cannot be known when a recipe is read."""
    if component.__pydantic_fields_complete__:
        return
    component.model_rebuild(raise_errors=False)  # types that the module defines further below
    for name, field in component.model_fields.items():
        if not field._complete:
            type_ = getattr(field.annotation, "__forward_arg__", field.annotation)
            raise PluginError(
                f"component class {component.__name__}: the type of option '{name}', {type_}, is "
                f"not there when a recipe is read",
                "import it for real, not under TYPE_CHECKING",
            )


def _refuse_wrong_claims(component: type[Component]) -> None:
    """Refuse class attributes that say nothing, or something else than the interface asks for."""
    name = component.__name__
    if issubclass(component, Metric):
        direction = getattr(component, "direction", None)
        if direction not in DIRECTIONS:
            raise PluginError(
                f"component class {name} says direction = {direction!r}",
                f"one of {', '.join(map(repr, DIRECTIONS))}",
            )
    if issubclass(component, Regularizer):
        strength = component.strength
        if strength is not None and strength not in component.model_fields:
            raise PluginError(
                f"component class {name} says strength = {strength!r}, which is no option of it",
                f"options: {', '.join(component.model_fields) or 'none'}",
            )


def _refuse_repeats(components: list[type[Component]]) -> None:
    """Refuse two components of one plugin that no recipe could tell apart."""
    seen = set()
    for component in components:
        named = (component.kind, component.name)
        if named in seen:
            raise PluginError(f"it offers two components {component.kind}/{component.name}")
        seen.add(named)


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 3]}..."
