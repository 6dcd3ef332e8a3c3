"""Find the installed plugins and load each of them, so that a broken one hurts nobody else."""

from __future__ import annotations

import os
import re
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

import pluggy

from gantool.errors import PluginError
from gantool.interfaces import hooks
from gantool.interfaces.component import KINDS, Component

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GROUP = "gantool.plugins"
DISABLED = "GANTOOL_DISABLE_PLUGINS"
OWN_DISTRIBUTION = "gantool"
NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Plugin:
    """An installed plugin, loaded or broken.

    Attributes:
        name: The entry point's name.
        module: The module it names.
        distribution: The installed package that brought it.
        version: That package's version.
        components: What it offers; empty when broken.
        failure: Why it could not be loaded, or None.
    """

    name: str
    module: str
    distribution: str
    version: str
    components: tuple[type[Component], ...] = ()
    failure: str | None = None


def discover() -> tuple[Plugin, ...]:
    """Load every installed plugin: gantool's own first, then by name.

    Plugins named in the environment variable GANTOOL_DISABLE_PLUGINS are left out.
    """
    disabled = {name.strip() for name in os.environ.get(DISABLED, "").split(",")}
    found = sorted(entry_points(group=GROUP), key=_order)
    return tuple(_without_repeats(load(entry) for entry in found if entry.name not in disabled))


def load(entry: EntryPoint) -> Plugin:
    """Load one plugin; whatever goes wrong becomes its `failure`."""
    plugin = Plugin(entry.name, entry.value, *_origin(entry))
    try:
        with redirect_stdout(sys.stderr):  # stdout is data; a plugin's prints are not
            components = _components(entry.name, entry.load())
    except (Exception, SystemExit) as error:  # a plugin may fail in any way
        return replace(plugin, failure=f"{type(error).__name__}: {error}")
    return replace(plugin, components=components)


def _components(name: str, module: Any) -> tuple[type[Component], ...]:
    """Call the module's hook implementations and return the components they offer.

    Raises:
        PluginError: When the name, or what a hook returns, breaks the rules.
    """
    if not NAME.fullmatch(name) or name in KINDS:
        raise PluginError(f"a plugin cannot be called '{name}'", "lower-case letters, digits, '-'")
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(module, name)
    manager.check_pending()
    implementations = manager.hook.gantool_components.get_hookimpls()
    offers: list[Any] = [implementation.function() for implementation in implementations]
    return tuple(_checked(component) for offer in offers for component in offer)


def _checked(component: Any) -> type[Component]:
    """Return what a hook offered if it is a component class with a kind and a name."""
    if not (isinstance(component, type) and issubclass(component, Component)):
        raise PluginError(f"gantool_components returned {component!r}, not a component class")
    if getattr(component, "kind", None) not in KINDS:
        raise PluginError(f"component class {component.__name__} is of none of the kinds {KINDS}")
    if not NAME.fullmatch(getattr(component, "name", "")):
        raise PluginError(f"component class {component.__name__} needs a `name`", "lower-case")
    return component


def _without_repeats(plugins: Iterable[Plugin]) -> Iterator[Plugin]:
    """Mark plugins whose name another one already has as failed."""
    seen: dict[str, Plugin] = {}
    for plugin in plugins:
        first = seen.setdefault(plugin.name, plugin)
        if first is plugin:
            yield plugin
            continue
        reason = f"its name is taken by the plugin of {first.distribution} {first.version}"
        yield replace(plugin, components=(), failure=reason)


def _origin(entry: EntryPoint) -> tuple[str, str]:
    """Return the name and version of the package that declares the entry point."""
    if entry.dist is None:
        return "unknown", "unknown"
    return entry.dist.name, entry.dist.version


def _order(entry: EntryPoint) -> tuple[bool, str, str]:
    distribution, _ = _origin(entry)
    return distribution != OWN_DISTRIBUTION, entry.name, distribution
