"""Validate a merged document: the core's tables first, then each component's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gantool.errors import GantoolError, PluginError
from gantool.interfaces.step import PLAYERS
from gantool.recipe.check.tables import suggest_option, validate
from gantool.recipe.composing import merge
from gantool.recipe.schema import (
    CORE_TABLES,
    DEFAULT_OPTIMIZER,
    LEADING,
    LISTS,
    SINGLES,
    CoreTables,
    EvaluationTable,
)
from gantool.recipe.source.entries import Entry, Origin, plain
from gantool.recipe.source.wording import shown
from gantool.registry.calling import owner_of
from gantool.text import guess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool.interfaces.component import Component
    from gantool.interfaces.step import Player
    from gantool.recipe.schema import Table
    from gantool.recipe.source.problems import Problems
    from gantool.registry.catalog import Catalog, Offer

OPTIMIZER = "optimizer"
TABLES = (*SINGLES, *LISTS, *CORE_TABLES, OPTIMIZER)


@dataclass
class Draft:
    """A recipe while it is checked: what has problems is absent.

    Attributes:
        document: What the recipe says, merged.
        requires: Packages it asks for.
        tables: The core's tables by name, optimizers aside.
        singles: Dataset, architecture and loss by kind.
        lists: Regularizers, metrics and loggers by the name of their array.
        optimizers: Both players' optimizers.
        extractor: What metrics look through.
    """

    document: Entry
    requires: tuple[str, ...] = ()
    tables: dict[str, Any] = field(default_factory=dict)
    singles: dict[str, Chosen] = field(default_factory=dict)
    lists: dict[str, list[Chosen]] = field(default_factory=dict)
    optimizers: Optimizers | None = None
    extractor: Component | None = None

    def says(self, *path: str) -> bool:
        """Whether the recipe, or one that it extends, says an option of a table."""
        entry: Entry | None = self.document
        for name in path:
            entry = None if entry is None else entry.table.get(name)
        return entry is not None

    def origin(self, *path: str) -> Origin:
        """Return where an option was said; if nowhere, where its table or the file begins."""
        entry = self.document
        for name in path:
            entry = entry.table.get(name, entry)
        return entry.origin


def build(document: Entry, catalog: Catalog, problems: Problems) -> Draft:
    """Return everything in a document that is valid, and name what is not."""
    _refuse_unknown(document, problems)
    draft = Draft(document, requires=_requires(document, problems))
    for name, model in CORE_TABLES.items():
        draft.tables[name] = _core_table(name, model, document, problems)
    for kind in SINGLES:
        if chosen := choose_one(kind, document, catalog, problems):
            draft.singles[kind] = chosen
    for array, kind in LISTS.items():
        draft.lists[array] = choose_many(array, kind, document, catalog, problems)
    draft.optimizers = choose_optimizers(document, catalog, problems)
    draft.extractor = _extractor(draft, catalog, problems)
    return draft


def _refuse_unknown(document: Entry, problems: Problems) -> None:
    """Name the tables, and the options before the first table, that no recipe has."""
    for name, entry in document.table.items():
        if name in TABLES or name in LEADING:
            continue
        if isinstance(entry.value, dict | list):
            message, suggestion = f"unknown table [{name}]", guess(name, TABLES)
        else:
            message = f"unknown option {shown(name)} before the first table"
            suggestion = suggest_option(name, LEADING)
        problems.add(message, entry.origin.key, entry.origin.path, suggestion)


def _requires(document: Entry, problems: Problems) -> tuple[str, ...]:
    said = {"requires": document.table["requires"]} if "requires" in document.table else {}
    valid = validate(CoreTables, Entry(said, document.origin), "the recipe", problems)
    return valid.requires if valid else ()


def _core_table(name: str, model: type[Table], document: Entry, problems: Problems) -> Table | None:
    entry = document.table.get(name)
    return model() if entry is None else validate(model, entry, f"[{name}]", problems)


def _extractor(draft: Draft, catalog: Catalog, problems: Problems) -> Component | None:
    table: EvaluationTable | None = draft.tables["evaluation"]
    if table is None or table.extractor is None:
        return None
    said = draft.document.table["evaluation"].table["extractor"]
    return choose_extractor(said, catalog, problems)


@dataclass(frozen=True)
class Chosen:
    """A component as the recipe names it.

    Attributes:
        use: What messages call it: the shortest name that is clear.
        offer: The component's class and who supplies it.
        component: The component with its options.
        table: What the recipe says of it.
    """

    use: str
    offer: Offer
    component: Component
    table: Entry


def choose_one(kind: str, document: Entry, catalog: Catalog, problems: Problems) -> Chosen | None:
    """Build the component of the table named like its kind, which every recipe needs."""
    if kind in document.table:
        return _choose(kind, f"[{kind}]", document.table[kind], catalog, problems)
    installed = ", ".join(catalog.names(kind)) or "none"
    way_out = f"add it here; `use` is one of: {installed}"
    problems.missing(f"missing table [{kind}]", document.origin.end, (kind,), way_out)
    return None


def choose_many(
    array: str, kind: str, document: Entry, catalog: Catalog, problems: Problems
) -> list[Chosen]:
    """Build the components of an array of tables, which may be absent."""
    entry = document.table.get(array)
    if entry is None:
        return []
    if not isinstance(entry.value, list):
        message = f"expected an array of tables, got {shown(plain(entry))}"
        problems.add(message, entry.origin.header, entry.origin.path, f"write [[{array}]]")
        return []
    found = [_choose(kind, f"[[{array}]]", each, catalog, problems) for each in entry.elements]
    return [chosen for chosen in found if chosen is not None]


@dataclass(frozen=True)
class Optimizers:
    """What `[optimizer]` says, for both players and for each.

    Attributes:
        shared: That of `[optimizer]` itself.
        players: Each player's, the shared options included.
        tables: What the recipe says, in the same terms: each player's table is complete.
    """

    shared: Chosen
    players: Mapping[Player, Chosen]
    tables: Entry


def choose_optimizers(document: Entry, catalog: Catalog, problems: Problems) -> Optimizers | None:
    """Return both players' optimizers: `[optimizer]`, and where a player's own table differs."""
    whole = document.table.get(OPTIMIZER) or Entry({}, Origin(document.origin.source, ()))
    shared = whole.without(*PLAYERS) if isinstance(whole.value, dict) else whole
    tables = {player: _of_player(player, shared, whole.table.get(player)) for player in PLAYERS}

    def chosen(table: Entry, title: str) -> Chosen | None:
        return _choose(OPTIMIZER, title, table, catalog, problems, default=DEFAULT_OPTIMIZER)

    everyone = chosen(shared, f"[{OPTIMIZER}]")
    players = {player: chosen(table, f"[{OPTIMIZER}.{player}]") for player, table in tables.items()}
    complete = {player: each for player, each in players.items() if each is not None}
    if everyone is None or len(complete) < len(PLAYERS):
        return None
    return Optimizers(everyone, complete, Entry({**shared.table, **tables}, whole.origin))


def _of_player(player: Player, shared: Entry, own: Entry | None) -> Entry:
    return shared if own is None else merge(shared, own, (OPTIMIZER, player), DEFAULT_OPTIMIZER)


def choose_extractor(entry: Entry, catalog: Catalog, problems: Problems) -> Component | None:
    """Build the extractor that `[evaluation]` names, with its default options."""
    offer = _find("extractor", entry, catalog, problems)
    return None if offer is None else _build(offer, Entry({}, entry.origin), problems)


def _choose(
    kind: str,
    title: str,
    table: Entry,
    catalog: Catalog,
    problems: Problems,
    *,
    default: str | None = None,
) -> Chosen | None:
    """Build the component of a table; `default` is what it means, of gantool's, without `use`."""
    origin = table.origin
    if not isinstance(table.value, dict):
        message = f"expected a table {title}, got {shown(plain(table))}"
        way_out = f"name the {kind} with `use`" if isinstance(table.value, str) else None
        problems.add(message, origin.value, origin.path, way_out)
        return None
    use = table.table.get("use")
    if use is None and default is None:
        installed = ", ".join(catalog.names(kind)) or "none"
        message, path = f"missing option 'use' in {title}", (*origin.path, "use")
        problems.missing(message, origin.header, path, f"one of: {installed}")
        return None
    use, ours_first = (Entry(default, origin), True) if use is None else (use, False)
    offer = _find(kind, use, catalog, problems, ours_first=ours_first)
    if offer is None:
        return None
    component = _build(offer, table.without("use"), problems)
    return (
        None if component is None else Chosen(catalog.shortest_name(offer), offer, component, table)
    )


def _find(
    kind: str, use: Entry, catalog: Catalog, problems: Problems, *, ours_first: bool = False
) -> Offer | None:
    """Return the component that `use` names, or say why there is none."""
    path = use.origin.path
    if not isinstance(use.value, str):
        article = "an" if kind[0] in "aeiou" else "a"
        message = f"expected the name of {article} {kind} in quotes, got {shown(plain(use))}"
        problems.add(message, use.origin.value, path)
        return None
    try:
        return catalog.find(kind, use.value, ours_first=ours_first)
    except PluginError as error:
        problems.add(error.message, use.origin.value, path, error.hint)
        return None


def _build(offer: Offer, options: Entry, problems: Problems) -> Component | None:
    """Return the component with its options, or None where these have problems.

    Raises:
        PluginError: When the component's own validators fail in another way than by ValueError.
    """
    try:
        return validate(offer.component, options, f"{offer.kind} '{offer.name}'", problems)
    except GantoolError:
        raise
    except Exception as error:  # a plugin may fail in any way
        owner = owner_of(offer.component, plugin=offer.plugin)
        raise owner.failed("reading its options", error) from error
