"""The resolved recipe: every value that holds, defaults included, and where each was said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gantool.interfaces.step import PLAYERS
from gantool.recipe.entries import Entry
from gantool.recipe.schema import CORE_TABLES, LISTS, SINGLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import BaseModel

    from gantool.recipe.building import Draft
    from gantool.recipe.choosing import Chosen
    from gantool.recipe.optimizers import Optimizers
    from gantool.recipe.positions import KeyPath
    from gantool.recipe.schema import Recipe

DEFAULT = "default"
FIRST = ("requires", *SINGLES, *LISTS, "image", "optimizer")
ORDER = (*FIRST, *(name for name in CORE_TABLES if name not in FIRST))
"""The order in which a resolved recipe holds its tables."""


def resolve(draft: Draft) -> dict[str, Any]:
    """Return a draft without problems as plain data that, written as TOML, is a recipe again.

    What is None cannot be said in TOML and is left out; so are empty arrays of tables.
    """
    assert draft.optimizers is not None
    found: dict[str, Any] = {"requires": list(draft.requires)} if draft.requires else {}
    found |= {kind: _component(chosen) for kind, chosen in draft.singles.items()}
    found |= {array: list(map(_component, many)) for array, many in draft.lists.items() if many}
    found |= {name: _options(draft.tables[name]) for name in CORE_TABLES}
    found["optimizer"] = _optimizers(draft.optimizers)
    return {name: found[name] for name in ORDER if name in found}


def _component(chosen: Chosen) -> dict[str, Any]:
    return {"use": chosen.offer.full_name, **_options(chosen.component)}


def _optimizers(optimizers: Optimizers) -> dict[str, Any]:
    """Return what both players share, and the tables of players that differ from it."""
    shared = _options(optimizers.shared)
    players = {player: _options(optimizers.players[player]) for player in PLAYERS}
    return shared | {player: own for player, own in players.items() if own != shared}


def _options(model: BaseModel) -> dict[str, Any]:
    """Return a model's options as recipes write them; `use` first, where it is one of them."""
    include = set(type(model).model_fields)
    found = model.model_dump(mode="json", include=include, by_alias=True, exclude_none=True)
    use = {"use": found["use"]} if "use" in found else {}
    return use | found


def trace(document: dict[str, Any], draft: Draft) -> dict[KeyPath, str]:
    """Return for each value of a resolved document where it was said, or that it is a default."""
    assert draft.optimizers is not None
    said = Entry({**draft.document.table, "optimizer": draft.optimizers.tables}, draft.origin())
    return dict(_trace(document, said, ()))


def _trace(value: Any, said: Entry | None, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, dict):
        table = said.table if said else {}
        for name, inside in value.items():
            yield from _trace(inside, table.get(name), (*path, name))
    elif value and isinstance(value, list) and isinstance(value[0], dict):
        elements = said.elements if said else []
        for index, inside in enumerate(value):
            element = elements[index] if index < len(elements) else None
            yield from _trace(inside, element, (*path, index))
    else:
        yield path, str(said.origin.key) if said else DEFAULT


def unsaid(recipe: Recipe, table: str) -> dict[str, Any]:
    """Return the options of a table that no file and no argument says, with their values."""
    origins, values = recipe.origins, recipe.document[table]
    return {name: value for name, value in values.items() if origins.get((table, name)) == DEFAULT}
