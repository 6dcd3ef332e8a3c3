"""Find the installed plugins and load each of them, so that a broken one hurts nobody else."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points
from typing import NamedTuple

from gantool.registry.loading import load
from gantool.registry.origin import OWN_DISTRIBUTION, Origin, origin_of
from gantool.registry.plugin import NAME, Plugin
from gantool.registry.surroundings import DISABLED

__all__ = ["NAME", "Plugin", "discover"]

GROUP = "gantool.plugins"
ENTRY_POINTS = "entry_points.txt"


class Found(NamedTuple):
    """An entry point and the package that declares it."""

    entry: EntryPoint
    origin: Origin

    @property
    def order(self) -> tuple[bool, str, str]:
        """What sorts them: gantool's own first, then by name."""
        return self.origin.name != OWN_DISTRIBUTION, self.entry.name, self.origin.name


def discover() -> tuple[Plugin, ...]:
    """Load every installed plugin: gantool's own first, then by name.

    Plugins named in the environment variable GANTOOL_DISABLE_PLUGINS are left out.
    """
    disabled = {name.strip() for name in os.environ.get(DISABLED, "").split(",")}
    entries, unreadable = _entries()
    plugins: dict[str, Plugin] = {}
    repeated = []
    for entry, origin in sorted(_with_origins(entries), key=lambda found: found.order):
        if entry.name in disabled:
            continue
        plugin = Plugin(entry.name, entry.value, origin.name, origin.version)
        if entry.name in plugins:
            repeated.append(_repeated(plugin, plugins[entry.name]))
        else:
            plugins[entry.name] = load(plugin, entry, origin)
    return (*plugins.values(), *repeated, *unreadable)


def _repeated(plugin: Plugin, first: Plugin) -> Plugin:
    """Return a plugin that is left out, since another one has its name."""
    owner = f"{first.distribution} {first.version}"
    return replace(plugin, failure=f"its name is taken by the plugin of {owner}")


def _with_origins(entries: list[EntryPoint]) -> list[Found]:
    """Read the metadata of each package once."""
    origins: dict[Distribution | None, Origin] = {}
    for entry in entries:
        if entry.dist not in origins:
            origins[entry.dist] = origin_of(entry.dist)
    return [Found(entry, origins[entry.dist]) for entry in entries]


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
        origin = origin_of(distribution)
        if origin.name in seen:
            continue
        seen.add(origin.name)
        try:
            entries += distribution.entry_points.select(group=GROUP)
        except Exception as error:  # a parser meets any text at all
            if GROUP in (distribution.read_text(ENTRY_POINTS) or ""):
                failure = f"its {ENTRY_POINTS} cannot be read: {error}"
                name = origin.name.removeprefix(f"{OWN_DISTRIBUTION}-")
                plugin = Plugin(name, "unknown", origin.name, origin.version, failure=failure)
                unreadable.append(plugin)
    return entries, unreadable
