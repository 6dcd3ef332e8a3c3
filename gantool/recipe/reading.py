"""From a recipe's name to a recipe that can be run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from gantool.errors import RecipeError
from gantool.recipe.advice import advise
from gantool.recipe.building import build
from gantool.recipe.consistency import check_consistency
from gantool.recipe.extending import find, read_chain
from gantool.recipe.naming import Naming, components_of
from gantool.recipe.overrides import apply_overrides, read_overrides
from gantool.recipe.problems import Problems
from gantool.recipe.resolving import resolve, trace
from gantool.recipe.schema import CoreTables, Recipe
from gantool.recipe.tokens import MOST_BYTES
from gantool.registry.catalog import installed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gantool.recipe.building import Draft
    from gantool.registry.catalog import Catalog

MOST_RESOLVED_BYTES = 3 * MOST_BYTES // 4
"""Of a resolved recipe as JSON: as TOML, which has other marks, it then fits into `MOST_BYTES`."""


def read_recipe(
    reference: str | Path, overrides: Sequence[str] = (), *, catalog: Catalog | None = None
) -> Recipe:
    """Read, merge and validate a recipe.

    Args:
        reference: A recipe file, or the name of a shipped recipe.
        overrides: Changes as in `--set training.steps=600`, each "KEY=VALUE".
        catalog: Where components are looked up; by default the installed plugins.

    Raises:
        RecipeError: When there are problems; it holds all of them.
        PluginError: When a component fails in another way than by refusing its options.
    """
    problems = Problems()
    path = find(reference)
    changes = read_overrides(overrides, problems)
    files: list[Path] = []
    naming = Naming(installed() if catalog is None else catalog)
    document = read_chain(path, problems, files, naming)
    if document is None:
        problems.raise_any()
        raise AssertionError("an unreadable recipe names a problem")
    document = apply_overrides(document, changes, problems, naming)
    draft = build(document, naming.catalog, problems)
    check_consistency(draft, naming.catalog, problems)
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
        optimizer=draft.optimizers.players,
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
