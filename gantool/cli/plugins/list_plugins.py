"""`gantool list-plugins`: who supplies what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.arguments import DebugOption, JsonOption
from gantool.cli.output import FAILURE_STYLE, Cell, print_json, print_listing
from gantool.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.registry.plugin import Plugin

EXAMPLES = """
gantool list-plugins
gantool list-plugins --strict --json
GANTOOL_DISABLE_PLUGINS=losses gantool list-plugins
"""


def list_plugins(
    as_json: JsonOption = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if something is wrong with a plugin.")
    ] = False,
    debug: DebugOption = False,
) -> None:
    """List the installed plugins, and what they supply."""
    from gantool.registry.catalog import installed

    plugins = installed().plugins
    if as_json:
        print_json(list(map(describe, plugins)))
    else:
        columns = ("plugin", "package", "version", "components")
        rows = [row for plugin in plugins for row in shown(plugin)]
        print_listing(columns, list(map(record, plugins)), rows)
    faulty = [plugin.name for plugin in plugins if plugin.failure or plugin.remark]
    if strict and faulty:
        raise PluginError(f"something is wrong with plugins: {', '.join(faulty)}")


def record(plugin: Plugin) -> tuple[str, str, str, str, str]:
    """Return a plugin as a record: name, package, version, components, what is wrong."""
    components = ", ".join(f"{each.kind}/{each.name}" for each in plugin.components)
    failure = plugin.failure or plugin.remark or ""
    return plugin.name, plugin.distribution, plugin.version, components, failure


def shown(plugin: Plugin) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows of a plugin for a person: what is wrong stands where components would."""
    *origin, components, failure = record(plugin)
    if components:
        yield (*origin, components)
        origin = [""] * len(origin)
    if failure or not components:
        yield (*origin, (failure, FAILURE_STYLE))


def describe(plugin: Plugin) -> dict[str, Any]:
    """Return a plugin as plain data."""
    return {
        "name": plugin.name,
        "module": plugin.module,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "interface": plugin.interface,
        "components": [{"kind": each.kind, "name": each.name} for each in plugin.components],
        "failure": plugin.failure,
        "remark": plugin.remark,
    }
