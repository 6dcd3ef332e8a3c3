"""Build the components that a recipe names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.errors import GantoolError, PluginError
from gantool.recipe.entries import Entry, plain
from gantool.recipe.validating import validate
from gantool.recipe.wording import shown
from gantool.registry.calling import owner_of

if TYPE_CHECKING:
    from gantool.interfaces.component import Component
    from gantool.recipe.problems import Problems
    from gantool.registry.catalog import Catalog, Offer


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


def choose_extractor(entry: Entry, catalog: Catalog, problems: Problems) -> Component | None:
    """Build the extractor that `[evaluation]` names, with its default options."""
    offer = _find("extractor", entry, catalog, problems)
    return None if offer is None else _build(offer, Entry({}, entry.origin), problems)


def _choose(
    kind: str, title: str, table: Entry, catalog: Catalog, problems: Problems
) -> Chosen | None:
    origin = table.origin
    if not isinstance(table.value, dict):
        message = f"expected a table {title}, got {shown(plain(table))}"
        way_out = f"name the {kind} with `use`" if isinstance(table.value, str) else None
        problems.add(message, origin.value, origin.path, way_out)
        return None
    use = table.table.get("use")
    if use is None:
        installed = ", ".join(catalog.names(kind)) or "none"
        message, path = f"missing option 'use' in {title}", (*origin.path, "use")
        problems.missing(message, origin.header, path, f"one of: {installed}")
        return None
    offer = _find(kind, use, catalog, problems)
    if offer is None:
        return None
    component = _build(offer, table.without("use"), problems)
    return (
        None if component is None else Chosen(catalog.shortest_name(offer), offer, component, table)
    )


def _find(kind: str, use: Entry, catalog: Catalog, problems: Problems) -> Offer | None:
    """Return the component that `use` names, or say why there is none."""
    path = use.origin.path
    if not isinstance(use.value, str):
        message = f"expected the name of a {kind} in quotes, got {shown(plain(use))}"
        problems.add(message, use.origin.value, path)
        return None
    try:
        return catalog.find(kind, use.value)
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
