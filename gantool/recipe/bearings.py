"""The part of a resolved recipe that bears upon what is trained, or upon something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gantool.errors import PluginError
from gantool.interfaces.component import Component, bearings_of
from gantool.interfaces.dataset import Dataset
from gantool.interfaces.logger import Logger
from gantool.interfaces.metric import Metric
from gantool.interfaces.step import PLAYERS
from gantool.recipe.documents import KIND_OF
from gantool.recipe.schema import CORE_TABLES, CoreTables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from gantool.interfaces.component import Bearing


def part_bearing_upon(document: Mapping[str, Any], *upon: Bearing) -> dict[str, Any]:
    """Return the options of a resolved recipe that bear upon certain things, and nothing else.

    Args:
        document: Plain data, possibly of unknown origin and with components that are not installed.
        upon: What the options bear upon, as `Bears` has it.
    """
    top = bearings_of(CoreTables)
    found: dict[str, Any] = {}
    for name, value in document.items():
        kind = KIND_OF.get(name)
        if kind is None and name not in CORE_TABLES:
            part = value if top.get(name, "training") in upon else None
        elif isinstance(value, list):
            parts = [_part(each, _model(name, kind, each), upon) for each in value]
            part = [each for each in parts if each]
        else:
            part = _part(value, _model(name, kind, value), upon)
        if part:
            found[name] = part
    return found


def _part(table: Any, model: type[BaseModel], upon: tuple[Bearing, ...]) -> Any:
    """Return the options of a table that bear upon certain things; `use` goes with its class."""
    of_class: Bearing = getattr(model, "bears_upon", "training")
    if not isinstance(table, dict):
        return table if of_class in upon else None
    options = bearings_of(model)
    return {
        name: value
        for name, value in table.items()
        if (name in PLAYERS and isinstance(value, dict)) or options.get(name, of_class) in upon
    }


def _model(name: str, kind: str | None, table: Any) -> type[BaseModel]:
    """Return the class behind a table; of a component that is not installed, its interface."""
    from gantool.registry.catalog import installed

    if kind is None:
        return CORE_TABLES[name]
    use = table.get("use") if isinstance(table, dict) else None
    try:
        return installed().find(kind, str(use), ours_first=True).component
    except PluginError:
        return next((each for each in (Dataset, Metric, Logger) if each.kind == kind), Component)
