"""A recipe's plain data: names of its components, what its options bear upon, its TOML.

Two plugins may offer the same name. What a user writes must then say which one is meant. Recipes
that come along, and those of runs, mean gantool's own: another plugin that is installed later must
not keep a finished run from being used. A resolved recipe says every name in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gantool.errors import PluginError
from gantool.interfaces.component import Component, bearings_of
from gantool.interfaces.dataset import Dataset
from gantool.interfaces.logger import Logger
from gantool.interfaces.metric import Metric
from gantool.interfaces.step import PLAYERS
from gantool.recipe.schema import CORE_TABLES, LISTS, SINGLES, CoreTables
from gantool.recipe.source.entries import Entry, annotate, plain
from gantool.recipe.source.problems import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tomlkit.items import Table

    from gantool.interfaces.component import Bearing
    from gantool.recipe.schema import Recipe
    from gantool.registry.catalog import Catalog

DEFAULT = "default"
FIRST = ("requires", *SINGLES, *LISTS, "image", "optimizer")
ORDER = (*FIRST, *(name for name in CORE_TABLES if name not in FIRST))
"""The order in which a resolved recipe holds its tables."""
KIND_OF: Mapping[str, str] = {**{kind: kind for kind in (*SINGLES, "optimizer")}, **LISTS}
"""The tables and arrays that name components, and their kind."""


@dataclass
class Naming:
    """Says in full which components documents mean.

    `notes` holds, by kind and full name, a sentence on what was taken to mean gantool's own
    although others offer the same name.
    """

    catalog: Catalog
    notes: dict[tuple[str, str], str] = field(default_factory=dict)

    def in_full(
        self, document: Entry, *, ours_first: bool = False, shipped: str | None = None
    ) -> Entry:
        """Return a document whose names are full, where it is clear who is meant.

        Bare names mean gantool's own in recipes of runs (`ours_first`) and in a `shipped` one.
        """

        def full_name(kind: str, use: str) -> str:
            if ":" in use:
                return use
            if shipped is not None:
                self._note(kind, use, shipped)
            ours = ours_first or shipped is not None
            offer = self.catalog.meant(kind, use) if ours else self.catalog.only(kind, use)
            return use if offer is None else offer.full_name

        return _renamed(document, full_name)

    def _note(self, kind: str, use: str, recipe: str) -> None:
        """Remember that a shipped recipe means ours, where somebody else offers the same."""
        meant = self.catalog.meant(kind, use)
        others = [offer for offer in self.catalog.named(kind, use) if offer is not meant]
        if meant is not None and others:
            theirs = " or ".join(f"'{offer.full_name}'" for offer in others)
            self.notes[kind, meant.full_name] = (
                f"recipe '{recipe}' means {kind} '{meant.full_name}'; for another, say {theirs}"
            )


def bare(use: str) -> str:
    """Return a component's name without its plugin's."""
    return use.rpartition(":")[2]


def plainly(document: Mapping[str, Any], catalog: Catalog | None = None) -> dict[str, Any]:
    """Return a resolved recipe with short names, for comparing and for reading.

    A full name is shortened where its bare name means the same in the recipe of a run: names are
    equal where they mean the same, whether they were written before or after names were full. The
    document may be of unknown origin.
    """
    if catalog is None:
        from gantool.registry.catalog import installed

        catalog = installed()

    def short_name(kind: str, use: str) -> str:
        meant = catalog.meant(kind, bare(use))
        return bare(use) if meant is not None and meant.full_name == use else use

    nowhere = Source("", Path())
    renamed: dict[str, Any] = plain(_renamed(annotate(dict(document), nowhere), short_name))
    return renamed


def components_of(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield kind and name of each component that a resolved recipe names."""
    for name, kind in KIND_OF.items():
        tables = document.get(name, [])
        for table in tables if isinstance(tables, list) else [tables]:
            players = [table[player] for player in PLAYERS if player in table]
            yield from ((kind, each["use"]) for each in (table, *players))
    if extractor := document["evaluation"].get("extractor"):
        yield "extractor", extractor


def _renamed(document: Entry, rename: Callable[[str, str], str]) -> Entry:
    """Return a document with other names of components; places stay what they are."""
    tables = dict(document.table)
    for name, entry in tables.items():
        if kind := KIND_OF.get(name):
            tables[name] = _renamed_use(entry, kind, "use", rename)
        elif name == "evaluation":
            tables[name] = _renamed_use(entry, "extractor", "extractor", rename)
    return Entry(tables, document.origin)


def _renamed_use(entry: Entry, kind: str, key: str, rename: Callable[[str, str], str]) -> Entry:
    """Return a table with another `use`, or an array of such tables."""
    if isinstance(entry.value, list):
        elements = [_renamed_use(each, kind, key, rename) for each in entry.elements]
        return Entry(elements, entry.origin)
    table = dict(entry.table)
    for name, inside in table.items():
        if isinstance(name, int) or name in PLAYERS:  # an element of an array; a player's own
            table[name] = _renamed_use(inside, kind, key, rename)
        elif name == key and isinstance(inside.value, str):
            table[name] = Entry(rename(kind, inside.value), inside.origin)
    return Entry(table, entry.origin) if table else entry


def part_bearing_upon(document: Mapping[str, Any], *upon: Bearing) -> dict[str, Any]:
    """Return the options of a resolved recipe that bear upon certain things, and nothing else.

    The document may be of unknown origin, and name components that are not installed.
    """
    parts = {name: _part(name, value, upon) for name, value in document.items()}
    return {name: part for name, part in parts.items() if part}


def _part(name: str, value: Any, upon: tuple[Bearing, ...]) -> Any:
    """Return what bears upon certain things in a table, or an array of them; else nothing."""
    kind = KIND_OF.get(name)
    if kind is None and name not in CORE_TABLES:
        return value if bearings_of(CoreTables).get(name, "training") in upon else None
    if kind is not None and isinstance(value, list):
        return [part for each in value if (part := _part(name, each, upon))]
    model = CORE_TABLES[name] if kind is None else _class_of(kind, value)
    if not isinstance(value, dict):
        return value if model.bears_upon in upon else None
    options = bearings_of(model)
    return {
        option: inside
        for option, inside in value.items()
        if (option in PLAYERS and isinstance(inside, dict))
        or options.get(option, model.bears_upon) in upon
    }


def _class_of(kind: str, table: Any) -> type[Component]:
    """Return the class that a table names; of one that is not installed, its interface."""
    from gantool.registry.catalog import installed

    use = table.get("use") if isinstance(table, dict) else None
    try:
        return installed().find(kind, str(use), ours_first=True).component
    except PluginError:
        return next((each for each in (Dataset, Metric, Logger) if each.kind == kind), Component)


def dump(document: Mapping[str, Any]) -> str:
    """Return a recipe's plain data, without None, as TOML; reading it gives equal data."""
    import tomlkit

    written = tomlkit.document()
    for name, value in document.items():
        if isinstance(value, dict):
            written.add(name, _table(value))
        elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            array = tomlkit.aot()
            for each in value:
                array.append(_table(each))
            written.add(name, array)
        else:
            written.add(name, _value(value))
    return tomlkit.dumps(written)


def _table(options: Mapping[str, Any]) -> Table:
    """Return a table; of those inside it a player's has a header, others stand in one line."""
    import tomlkit

    table = tomlkit.table()
    for name, value in options.items():
        table.add(name, _table(value) if name in PLAYERS else _value(value))
    return table


def _value(value: Any) -> Any:
    """Return a value that fits behind an equals sign."""
    import tomlkit

    if isinstance(value, dict):
        table = tomlkit.inline_table()
        for name, inside in value.items():
            table.add(name, _value(inside))
        return table
    if isinstance(value, list):
        # as text: appending takes time that grows with the square of the length
        return tomlkit.array(f"[{', '.join(tomlkit.item(_value(e)).as_string() for e in value)}]")
    return value


def unsaid(recipe: Recipe, table: str) -> dict[str, Any]:
    """Return the options of a table that no file and no argument says, with their values."""
    origins, values = recipe.origins, recipe.document[table]
    return {name: value for name, value in values.items() if origins.get((table, name)) == DEFAULT}
