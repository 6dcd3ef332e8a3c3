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
from gantool.recipe.source.wording import brief
from gantool.registry.calling import owner_of
from gantool.text import guess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool.interfaces.component import Component
    from gantool.interfaces.step import Player
    from gantool.recipe.source.problems import Problems
    from gantool.registry.catalog import Catalog, Offer

OPTIMIZER = "optimizer"
TABLES = (*SINGLES, *LISTS, *CORE_TABLES, OPTIMIZER)


@dataclass(frozen=True)
class Chosen:
    """A component as the recipe names it; `use` is the shortest name that is clear."""

    use: str
    offer: Offer
    component: Component
    table: Entry


@dataclass(frozen=True)
class Optimizers:
    """The optimizers of `[optimizer]`: both players', and each one's, whose table is complete."""

    shared: Chosen
    players: Mapping[Player, Chosen]
    tables: Entry


@dataclass
class Draft:
    """A recipe while it is checked: what has problems is absent.

    `singles` holds components by kind, `lists` by the name of their array.
    """

    document: Entry
    catalog: Catalog
    problems: Problems
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
        """Return the origin of an option; if nobody says it, that of its table or of the file."""
        entry = self.document
        for name in path:
            entry = entry.table.get(name, entry)
        return entry.origin


def build(document: Entry, catalog: Catalog, problems: Problems) -> Draft:
    """Return everything in a document that is valid, and name what is not."""
    draft = Draft(document, catalog, problems)
    _refuse_unknown(draft)
    draft.requires = _requires(draft)
    for name, model in CORE_TABLES.items():
        entry = document.table.get(name)
        valid = model() if entry is None else validate(model, entry, f"[{name}]", problems)
        draft.tables[name] = valid
    for kind in SINGLES:
        if chosen := _choose_one(kind, draft):
            draft.singles[kind] = chosen
    for array, kind in LISTS.items():
        draft.lists[array] = _choose_many(array, kind, draft)
    draft.optimizers = _choose_optimizers(draft)
    draft.extractor = _choose_extractor(draft)
    return draft


def _refuse_unknown(draft: Draft) -> None:
    """Name the tables, and the options before the first table, that no recipe has."""
    for name, entry in draft.document.table.items():
        if name in TABLES or name in LEADING:
            continue
        if isinstance(entry.value, dict | list):
            message, suggestion = f"unknown table [{name}]", guess(name, TABLES)
        else:
            message = f"unknown option {brief(name)} before the first table"
            suggestion = suggest_option(name, LEADING)
        draft.problems.add(message, entry.origin.key, suggestion)


def _requires(draft: Draft) -> tuple[str, ...]:
    table = {name: entry for name, entry in draft.document.table.items() if name == "requires"}
    leading = Entry(table, draft.document.origin)
    valid = validate(CoreTables, leading, "the recipe", draft.problems)
    return valid.requires if valid else ()


def _choose_one(kind: str, draft: Draft) -> Chosen | None:
    """Build the component of the table named like its kind, which every recipe needs."""
    if kind in draft.document.table:
        return _choose(kind, f"[{kind}]", draft.document.table[kind], draft)
    way_out = f"add it here; `use` is one of: {_installed(kind, draft)}"
    draft.problems.missing(f"missing table [{kind}]", draft.document.origin.end.of(kind), way_out)
    return None


def _choose_many(array: str, kind: str, draft: Draft) -> list[Chosen]:
    """Build the components of an array of tables, which may be absent."""
    entry = draft.document.table.get(array)
    if entry is None:
        return []
    if not isinstance(entry.value, list):
        message = f"expected an array of tables, got {brief(plain(entry))}"
        draft.problems.add(message, entry.origin.header, f"write [[{array}]]")
        return []
    chosen = [_choose(kind, f"[[{array}]]", each, draft) for each in entry.elements]
    return [each for each in chosen if each is not None]


def _choose_optimizers(draft: Draft) -> Optimizers | None:
    """Build both players' optimizers: `[optimizer]`, and where a player's own table differs."""
    nothing = Entry({}, Origin(draft.document.origin.source, ()))
    whole = draft.document.table.get(OPTIMIZER) or nothing
    shared = whole.without(*PLAYERS) if isinstance(whole.value, dict) else whole
    tables = {
        player: merge(shared, whole.table[player], (OPTIMIZER, player), DEFAULT_OPTIMIZER)
        if player in whole.table
        else shared
        for player in PLAYERS
    }

    def chosen(table: Entry, title: str) -> Chosen | None:
        return _choose(OPTIMIZER, title, table, draft, default=DEFAULT_OPTIMIZER)

    everyone = chosen(shared, f"[{OPTIMIZER}]")
    players = {player: chosen(table, f"[{OPTIMIZER}.{player}]") for player, table in tables.items()}
    complete = {player: each for player, each in players.items() if each is not None}
    if everyone is None or len(complete) < len(PLAYERS):
        return None
    return Optimizers(everyone, complete, Entry({**shared.table, **tables}, whole.origin))


def _choose_extractor(draft: Draft) -> Component | None:
    """Build the extractor that `[evaluation]` names, with its default options."""
    table: EvaluationTable | None = draft.tables["evaluation"]
    if table is None or table.extractor is None:
        return None
    use = draft.document.table["evaluation"].table["extractor"]
    offer = _find("extractor", use, draft)
    return None if offer is None else _build(offer, Entry({}, use.origin), draft)


def _choose(
    kind: str, title: str, table: Entry, draft: Draft, *, default: str | None = None
) -> Chosen | None:
    """Build the component of a table; `default` is what it means, of gantool's, without `use`."""
    origin = table.origin
    if not isinstance(table.value, dict):
        message = f"expected a table {title}, got {brief(plain(table))}"
        way_out = f"name the {kind} with `use`" if isinstance(table.value, str) else None
        draft.problems.add(message, origin.value, way_out)
        return None
    use = table.table.get("use")
    if use is None and default is None:
        place = origin.header.of(*origin.path, "use")
        way_out = f"one of: {_installed(kind, draft)}"
        draft.problems.missing(f"missing option 'use' in {title}", place, way_out)
        return None
    use, ours_first = (Entry(default, origin), True) if use is None else (use, False)
    offer = _find(kind, use, draft, ours_first=ours_first)
    component = None if offer is None else _build(offer, table.without("use"), draft)
    if offer is None or component is None:
        return None
    return Chosen(draft.catalog.shortest_name(offer), offer, component, table)


def _installed(kind: str, draft: Draft) -> str:
    return ", ".join(draft.catalog.names(kind)) or "none"


def _find(kind: str, use: Entry, draft: Draft, *, ours_first: bool = False) -> Offer | None:
    """Return the component that `use` names, or say why there is none."""
    place = use.origin.value
    if not isinstance(use.value, str):
        article = "an" if kind[0] in "aeiou" else "a"
        message = f"expected the name of {article} {kind} in quotes, got {brief(plain(use))}"
        draft.problems.add(message, place)
        return None
    try:
        return draft.catalog.find(kind, use.value, ours_first=ours_first)
    except PluginError as error:
        draft.problems.add(error.message, place, error.hint)
        return None


def _build(offer: Offer, options: Entry, draft: Draft) -> Component | None:
    """Return the component with its options, or None where these have problems."""
    try:
        return validate(offer.component, options, f"{offer.kind} '{offer.name}'", draft.problems)
    except GantoolError:
        raise
    except Exception as error:  # a plugin may fail in any way
        owner = owner_of(offer.component, plugin=offer.plugin)
        raise owner.failed("reading its options", error) from error
