"""Reading a recipe: from its name to all of its values, and where each was said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from gantool.errors import RecipeError
from gantool.interfaces.step import PLAYERS
from gantool.recipe.check.components import build
from gantool.recipe.check.consistency import advise, check_consistency
from gantool.recipe.composing import apply_overrides, read_chain, read_overrides
from gantool.recipe.documents import DEFAULT, ORDER, Naming, components_of
from gantool.recipe.schema import CORE_TABLES, CoreTables, Recipe
from gantool.recipe.shipped import find
from gantool.recipe.source.entries import Entry
from gantool.recipe.source.problems import Problems
from gantool.recipe.source.toml import MOST_BYTES
from gantool.registry.catalog import installed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from gantool.recipe.check.components import Chosen, Draft, Optimizers
    from gantool.recipe.schema import Recipe
    from gantool.recipe.source.toml import KeyPath
    from gantool.registry.catalog import Catalog

MOST_RESOLVED_BYTES = 3 * MOST_BYTES // 4
"""Of a resolved recipe as JSON: as TOML, which has other marks, it then fits into `MOST_BYTES`."""


def read_recipe(
    recipe: str | Path, overrides: Sequence[str] = (), *, catalog: Catalog | None = None
) -> Recipe:
    """Read, merge and validate a recipe.

    Args:
        recipe: Its file, or the name of a shipped recipe.
        overrides: Changes as in `--set training.steps=600`, each "KEY=VALUE".
        catalog: Where components are looked up; by default the installed plugins.

    Raises:
        RecipeError: When there are problems; it holds all of them.
        PluginError: When a component fails in another way than by refusing its options.
    """
    problems = Problems()
    path = find(recipe)
    changes = read_overrides(overrides, problems)
    files: list[Path] = []
    naming = Naming(installed() if catalog is None else catalog)
    document = read_chain(path, problems, files, naming)
    if document is None:
        problems.raise_any()
        raise AssertionError("an unreadable recipe names a problem")
    document = apply_overrides(document, changes, problems, naming)
    draft = build(document, naming.catalog, problems)
    check_consistency(draft)
    problems.raise_any()
    return _recipe(path.stem, draft, tuple(files), naming.notes)


def _recipe(
    name: str, draft: Draft, files: tuple[Path, ...], notes: Mapping[tuple[str, str], str]
) -> Recipe:
    """Return the recipe of a draft without problems."""
    assert draft.optimizers is not None
    document = resolve(draft)
    _refuse_too_long(document)
    parts: dict[str, Any] = {kind: chosen.component for kind, chosen in draft.singles.items()}
    for array, many in draft.lists.items():
        parts[array] = tuple(chosen.component for chosen in many)
    return Recipe(
        name=name,
        **parts,
        extractor=cast("Any", draft.extractor),
        optimizer={p: cast("Any", each.component) for p, each in draft.optimizers.players.items()},
        tables=CoreTables(requires=draft.requires, **draft.tables),
        document=document,
        origins=trace(document, draft),
        warnings=(*_that_hold(notes, document), *advise(draft)),
        files=files,
    )


def _that_hold(notes: Mapping[tuple[str, str], str], document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the notes on components that the resolved recipe has in the end."""
    named = set(components_of(document))
    yield from (sentence for component, sentence in notes.items() if component in named)


def _refuse_too_long(document: Mapping[str, Any]) -> None:
    """Refuse what no run folder could hold: nobody could read it there, or go on with the run.

    Raises:
        RecipeError: When it is too long.
    """
    size = len(json.dumps(document, ensure_ascii=False).encode(errors="replace"))
    if size > MOST_RESOLVED_BYTES:
        raise RecipeError(
            f"with all its values the recipe takes {size:,} bytes, {MOST_RESOLVED_BYTES:,} at most",
            "shorten its longest array",
        )


def resolve(draft: Draft) -> dict[str, Any]:
    """Return a draft without problems as plain data that, written as TOML, is a recipe again.

    What is None cannot be said in TOML and is left out; so are empty arrays of tables.
    """
    assert draft.optimizers is not None
    parts: dict[str, Any] = {"requires": list(draft.requires)} if draft.requires else {}
    parts |= {kind: _component(chosen) for kind, chosen in draft.singles.items()}
    parts |= {array: list(map(_component, many)) for array, many in draft.lists.items() if many}
    parts |= {name: _options(draft.tables[name]) for name in CORE_TABLES}
    parts["optimizer"] = _optimizers(draft.optimizers)
    return {name: parts[name] for name in ORDER if name in parts}


def _component(chosen: Chosen) -> dict[str, Any]:
    return {"use": chosen.offer.full_name, **_options(chosen.component)}


def _optimizers(optimizers: Optimizers) -> dict[str, Any]:
    """Return the shared options, and the tables of players that differ from them."""
    shared = _component(optimizers.shared)
    players = {player: _component(optimizers.players[player]) for player in PLAYERS}
    return shared | {player: own for player, own in players.items() if own != shared}


def _options(model: BaseModel) -> dict[str, Any]:
    """Return a model's options as recipes write them."""
    include = set(type(model).model_fields)
    return model.model_dump(mode="json", include=include, by_alias=True, exclude_none=True)


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
