"""The resolved recipe, line by line, and how it differs from its parent."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict

from gantool.errors import GantoolError, UsageError
from gantool.recipe.documents import plainly
from gantool.runs.documents import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.recipe.source.toml import KeyPath
    from gantool.runs.history import RunHistory

log = logging.getLogger("gantool")

ABSENT = object()


@dataclass(frozen=True)
class Parent:
    """What a run's recipe is compared with.

    Attributes:
        name: The recipe's name.
        extended: Whether the run's recipe extends it; else it is the run's own, without `--set`.
        document: Resolved, plain data, with short names.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True)

    name: str
    extended: bool
    document: dict[str, Any]


@dataclass(frozen=True)
class RecipeLine:
    """A line of the recipe.

    Attributes:
        text: As TOML.
        was: The parent's value, where it is another; "" where the parent has none.
    """

    text: str
    was: str | None = None


def read_parent(run: RunHistory) -> Parent | None:
    """Return the recipe that a run's is compared with; None where nobody knows it."""
    if not run.folder.parent_recipe.exists():
        return _shipped(run.status.recipe)
    try:
        found: Parent = read_document(run.folder.parent_recipe, Parent)
    except UsageError as error:
        log.warning("%s", error)
        return _shipped(run.status.recipe)
    return replace(found, document=plainly(found.document))


def _shipped(name: str) -> Parent | None:
    """Return the parent of a shipped recipe, for runs that were started without noting theirs."""
    from gantool.recipe.reading import read_recipe
    from gantool.recipe.shipped import find_shipped

    if find_shipped(name) is None:
        return None
    try:
        files = read_recipe(name).files
        parent = read_recipe(files[1] if len(files) > 1 else files[0])
    except GantoolError:
        return None
    return Parent(parent.name, len(files) > 1, plainly(parent.document))


def recipe_lines(document: Mapping[str, Any], parent: Parent | None) -> list[RecipeLine]:
    """Return a recipe's lines; where it differs from its parent, they tell the parent's value."""
    from gantool.recipe.documents import dump
    from gantool.recipe.source.toml import locate

    text = dump(document)
    positions = locate(text)
    differing: dict[int, str] = {}
    for path, before in changed(document, parent.document if parent else document):
        start = positions.key(path).start
        differing.setdefault(text.count("\n", 0, start), before)
    lines = text.rstrip("\n").split("\n")
    return [RecipeLine(line, differing.get(number)) for number, line in enumerate(lines)]


def dropped(document: Mapping[str, Any], parent: Parent | None) -> list[str]:
    """Return what the parent says and this recipe does not, as in "regularizers.r1"."""
    if parent is None:
        return []
    ours, theirs = (_by_name(each) for each in (document, parent.document))
    tables = {name.rpartition(".")[0] for name in ours}
    gone = [name for name in theirs if name not in ours]
    whole = {name.rpartition(".")[0] for name in gone} - tables
    kept = [name for name in gone if name.rpartition(".")[0] not in whole]
    return sorted({*kept, *(name for name in whole if name)})


def changed(
    document: Mapping[str, Any], parent: Mapping[str, Any]
) -> Iterator[tuple[KeyPath, str]]:
    """Yield the path of each value that is not the parent's, and the parent's as text."""
    theirs = _by_name(parent)
    for name, (path, value) in _by_name(document).items():
        before = theirs.get(name, (path, ABSENT))[1]
        if before != value:
            yield path, "" if before is ABSENT else shown(before)


def shown(value: Any) -> str:
    """Return a value about as TOML has it."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _by_name(document: Mapping[str, Any]) -> dict[str, tuple[KeyPath, Any]]:
    """Return every value and its path, by dotted name; components in arrays go by their `use`."""
    return dict(_leaves(document, "", ()))


def _leaves(value: Any, name: str, path: KeyPath) -> Iterator[tuple[str, tuple[KeyPath, Any]]]:
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from _leaves(inside, f"{name}.{key}".removeprefix("."), (*path, key))
    elif value and isinstance(value, list) and all(isinstance(each, dict) for each in value):
        seen: dict[str, int] = {}
        for index, inside in enumerate(value):
            use = str(inside.get("use"))
            seen[use] = seen.get(use, 0) + 1
            numbered = use if seen[use] == 1 else f"{use}-{seen[use]}"
            yield from _leaves(inside, f"{name}.{numbered}", (*path, index))
    else:
        yield name, (path, value)
