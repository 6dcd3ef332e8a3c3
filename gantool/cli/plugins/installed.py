"""`gantool list-plugins`, `list-components` and `environment`: what is installed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.arguments import JsonOption, argument, check_kind, complete_kind, examples
from gantool.cli.output import (
    FAILURE_STYLE,
    Cell,
    one_line,
    print_json,
    print_lines,
    print_listing,
)
from gantool.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.registry.plugin import Plugin

KINDS = (
    "dataset, architecture, loss, regularizer, optimizer, metric, extractor, logger or exporter."
)


@examples(
    "gantool list-plugins",
    "gantool list-plugins --strict --json",
    "GANTOOL_DISABLE_PLUGINS=losses gantool list-plugins",
)
def list_plugins(
    as_json: JsonOption = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if something is wrong with a plugin.")
    ] = False,
) -> None:
    """List the installed plugins, and what they supply."""
    from gantool.registry.catalog import installed

    plugins = installed().plugins
    if as_json:
        print_json(list(map(_as_data, plugins)))
    else:
        columns = ("plugin", "package", "version", "components")
        rows = [row for plugin in plugins for row in _shown(plugin)]
        print_listing(columns, list(map(_record, plugins)), rows)
    faulty = [plugin.name for plugin in plugins if plugin.failure or plugin.remark]
    if strict and faulty:
        raise PluginError(f"something is wrong with plugins: {', '.join(faulty)}")


def _record(plugin: Plugin) -> tuple[str, str, str, str, str]:
    """Return a plugin as a record: name, package, version, components, what is wrong."""
    components = ", ".join(f"{each.kind}/{each.name}" for each in plugin.components)
    failure = plugin.failure or plugin.remark or ""
    return plugin.name, plugin.distribution, plugin.version, components, failure


def _shown(plugin: Plugin) -> Iterator[tuple[Cell, ...]]:
    """Yield the rows of a plugin for a person: what is wrong stands where components would."""
    *origin, components, failure = _record(plugin)
    if components:
        yield (*origin, components)
        origin = [""] * len(origin)
    if failure or not components:
        yield (*origin, (failure, FAILURE_STYLE))


def _as_data(plugin: Plugin) -> dict[str, Any]:
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


@examples(
    "gantool list-components",
    "gantool list-components loss",
    "gantool list-components --json",
)
def list_components(
    kind: Annotated[str | None, argument("KIND", KINDS, complete_kind)] = None,
    as_json: JsonOption = False,
) -> None:
    """List the installed components."""
    from gantool.interfaces.component import KINDS
    from gantool.registry.catalog import installed

    if kind is not None:
        check_kind(kind)
    catalog, columns = installed(), ("component", "plugin", "summary")
    kinds = KINDS if kind is None else (kind,)
    offers = [offer for each in kinds for offer in catalog.of_kind(each)]
    records = [
        (
            f"{offer.kind}/{catalog.shortest_name(offer)}",
            offer.plugin.name,
            offer.component.summary(),
        )
        for offer in offers
    ]
    if as_json:
        print_json([dict(zip(columns, record, strict=True)) for record in records])
    else:
        print_listing(columns, records)


@examples("gantool environment", "gantool environment --json")
def environment(as_json: JsonOption = False) -> None:
    """Print versions, devices and plugins, for a bug report."""
    from gantool.registry.catalog import installed
    from gantool.runs.folder import describe_environment

    found = describe_environment(installed().plugins)
    if as_json:
        print_json(found)
    else:
        print_lines(_lines(found))


def _lines(values: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield one line for each value, those of nested tables indented."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        if isinstance(value, dict):
            yield f"{indent}{name}"
            yield from _lines(value, f"{indent}  ")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            yield f"{indent}{name:<{width}}  {one_line(text)}"
