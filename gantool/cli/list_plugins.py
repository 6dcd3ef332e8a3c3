"""`gantool list-plugins`: who supplies what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.arguments import DebugOption, JsonOption
from gantool.cli.output import print_json, print_listing
from gantool.errors import PluginError

if TYPE_CHECKING:
    from gantool.registry.discovery import Plugin

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
        columns = ("plugin", "package", "version", "components", "failure")
        print_listing(columns, list(map(record, plugins)))
    faulty = [plugin.name for plugin in plugins if plugin.failure or plugin.remark]
    if strict and faulty:
        raise PluginError(f"something is wrong with plugins: {', '.join(faulty)}")


def record(plugin: Plugin) -> tuple[str, str, str, str, str]:
    """Return a plugin as a row of the listing."""
    components = ", ".join(f"{each.kind}/{each.name}" for each in plugin.components)
    failure = plugin.failure or plugin.remark or ""
    return plugin.name, plugin.distribution, plugin.version, components, failure


def describe(plugin: Plugin) -> dict[str, Any]:
    """Return a plugin as plain data."""
    return {
        "name": plugin.name,
        "module": plugin.module,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "components": [{"kind": each.kind, "name": each.name} for each in plugin.components],
        "failure": plugin.failure,
        "remark": plugin.remark,
    }
