"""The resolved recipe, line by line, and how it differs from its parent."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict

from gantool.errors import GantoolError, UsageError
from gantool.interfaces.step import PLAYERS
from gantool.recipe.documents import plainly
from gantool.runs.documents import read_document
from gantool.text import numbered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gantool.recipe.source.toml import KeyPath
    from gantool.runs.history import RunHistory

log = logging.getLogger("gantool")

ABSENT = object()


@dataclass(frozen=True)
class Parent:
    """The recipe that a run's is compared with, resolved, with short names.

    The run's recipe has `extended` it; else it is the run's own, without `--set`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True)

    name: str
    extended: bool
    document: dict[str, Any]


@dataclass(frozen=True)
class RecipeLine:
    """A line of TOML, and the parent's value where it is another; "" where the parent has none."""

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
    theirs = _values(parent.document if parent else document)
    differing: dict[int, str] = {}
    for name, (path, value) in _values(document).items():
        before = theirs.get(name, (path, ABSENT))[1]
        if before != value:
            number = text.count("\n", 0, positions.key(path).start)
            differing.setdefault(number, "" if before is ABSENT else _toml(before))
    lines = text.rstrip("\n").split("\n")
    return [RecipeLine(line, differing.get(number)) for number, line in enumerate(lines)]


def dropped(document: Mapping[str, Any], parent: Parent | None) -> list[str]:
    """Return what the parent says and this recipe does not, as in "regularizers.r1"."""
    if parent is None:
        return []
    ours, theirs = _values(document), _values(parent.document)
    tables = {_table(name) for name in ours}
    gone = [name for name in theirs if name not in ours]
    whole = {_table(name) for name in gone} - tables
    kept = [name for name in gone if _table(name) not in whole]
    return sorted({*kept, *filter(None, whole)})


def _table(name: str) -> str:
    return name.rpartition(".")[0]


def _toml(value: Any) -> str:
    """Return a value about as TOML has it."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _values(document: Mapping[str, Any]) -> dict[str, tuple[KeyPath, Any]]:
    """Return every value and its path, by dotted name; components in arrays go by their `use`."""
    return dict(_leaves(document, "", ()))


def _is_table(path: KeyPath) -> bool:
    """Whether what stands at a path has options of its own; a schedule is the value of one."""
    return len(path) < 2 or path[-1] in PLAYERS or isinstance(path[-1], int)


def _leaves(value: Any, name: str, path: KeyPath) -> Iterator[tuple[str, tuple[KeyPath, Any]]]:
    if isinstance(value, dict) and _is_table(path):
        for key, inside in value.items():
            yield from _leaves(inside, f"{name}.{key}".removeprefix("."), (*path, key))
    elif len(path) == 1 and isinstance(value, list) and value and isinstance(value[0], dict):
        uses = numbered(str(inside.get("use")) for inside in value)
        for index, (use, inside) in enumerate(zip(uses, value, strict=True)):
            yield from _leaves(inside, f"{name}.{use}", (*path, index))
    else:
        yield name, (path, value)
