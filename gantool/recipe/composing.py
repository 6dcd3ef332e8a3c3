"""Lay a recipe over those that it extends, and `--set` arguments over all: key by key.

A table naming another `use` than the one below replaces it whole; `steps` and `epochs` replace
each other; arrays replace.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gantool.errors import RecipeError
from gantool.recipe.documents import bare
from gantool.recipe.schema import DEFAULT_OPTIMIZER, LISTS
from gantool.recipe.shipped import SUFFIX, find_shipped, shipped_folder, shipped_names
from gantool.recipe.source.entries import (
    DATES,
    Entry,
    Origin,
    UnreadableError,
    annotate,
    plain,
    read,
    refuse_unfit,
)
from gantool.recipe.source.problems import Source
from gantool.recipe.source.toml import MOST_DEPTH, find_hazard
from gantool.recipe.source.wording import brief
from gantool.text import guess, one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool.recipe.documents import Naming
    from gantool.recipe.source.problems import Problems
    from gantool.recipe.source.toml import KeyPath

BESIDE_A_RUN = "run.json"
"""Stands beside the recipe of a run, which was resolved when the run began."""
MOST_PARENTS = 30
"""Recipes that one may extend, one over the other."""
LENGTHS = {"epochs": "steps", "steps": "epochs"}
OPTIMIZER = ("optimizer",)
FIRST_RANK = 1_000_000
"""Arguments come after all files, however long the chain."""


def read_chain(path: Path, problems: Problems, files: list[Path], naming: Naming) -> Entry | None:
    """Return a recipe laid over all that it extends; None where the recipe itself is unreadable.

    What can be read of the others is in it. `files` is given all files, the recipe's own first.
    """
    files.append(path)
    try:
        document = read(path, label=_label(path), rank=0, problems=problems)
    except UnreadableError as error:
        raise RecipeError(str(error)) from error
    documents = []
    while document is not None:
        refuse_two_lengths(document, problems)
        documents.append(_in_full(document, files[-1], naming))
        extends = document.table.get("extends")
        document = None if extends is None else _read_parent(extends, files, problems)
        problems.partial |= extends is not None and document is None
    merged: Entry | None = None
    for each in reversed(documents):
        own = each.without("extends")
        merged = own if merged is None else merge(merged, own)
    return merged


def _in_full(document: Entry, file: Path, naming: Naming) -> Entry:
    shipped = file.absolute().parent == shipped_folder().absolute()
    of_a_run = file.with_name(BESIDE_A_RUN).is_file()
    return naming.in_full(document, ours_first=of_a_run, shipped=file.stem if shipped else None)


def _read_parent(extends: Entry, chain: list[Path], problems: Problems) -> Entry | None:
    """Read the recipe that `extends` names and add it to the chain, or say why it cannot be."""
    name, place = extends.value, extends.origin.value
    if not isinstance(name, str) or not name:
        message = f"expected a recipe's file or name in quotes, got {brief(plain(extends))}"
        problems.add(message, place)
        return None
    path = extends.origin.source.folder / name
    shipped = find_shipped(name)
    if not os.path.isfile(path) and shipped is not None:
        path = shipped
    if len(chain) > MOST_PARENTS:
        problems.add(f"recipes extend each other over more than {MOST_PARENTS} files", place)
        return None
    if any(_same(path, earlier) for earlier in chain):
        circle = " -> ".join(f"'{each.name}'" for each in [*chain, path])
        problems.add(f"recipes extend each other in a circle: {circle}", place)
        return None
    chain.append(path)
    try:
        return read(path, label=_label(path), rank=len(chain) - 1, problems=problems)
    except UnreadableError as error:
        if os.path.exists(path):
            problems.add(f"cannot extend '{name}': {error}", place)
        else:
            _name_missing(path, extends, problems)
        return None


def _name_missing(path: Path, extends: Entry, problems: Problems) -> None:
    beside = {file.name for file in path.parent.glob(f"*{SUFFIX}")}
    beside.discard(Path(extends.origin.source.label).name)
    known = sorted(beside | {f"{shipped}{SUFFIX}" for shipped in shipped_names()})
    where = "neither beside this file nor among the shipped ones"
    message = f"no recipe '{extends.value}' to extend: {where}"
    problems.add(message, extends.origin.value, guess(path.name, known))


def _label(path: Path) -> str:
    """Return the path as a person would write it: below the working folder without its name."""
    path = Path(os.path.normpath(path))
    working = Path.cwd()
    return str(path.relative_to(working) if path.is_relative_to(working) else path)


def _same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


def merge(below: Entry, above: Entry, path: KeyPath = (), use: str | None = None) -> Entry:
    """Return the entry at a path of a document, another document's laid over it.

    `use` is the component that the lower table means where it does not say.
    """
    merged = _inside(below, above)
    if merged is None:
        return above
    use = below.said("use") or (DEFAULT_OPTIMIZER if path == OPTIMIZER else use)
    if not _is_same(use, above.said("use")):
        return above
    if path == ("training",):
        for length in LENGTHS.keys() & above.table.keys():
            merged.pop(LENGTHS[length], None)
    inherited = use if path == OPTIMIZER else None
    for name, entry in above.table.items():
        lower = merged.get(name)
        merged[name] = merge(lower, entry, (*path, name), inherited) if lower else entry
    is_argument = above.origin.source.text is None  # it has no header that a person could look at
    return _like(below, merged, below.origin if is_argument else above.origin)


def combine(first: Entry, second: Entry) -> Entry:
    """Return two `--set` arguments as one, whatever their order.

    The rules of `merge` are between what they say and what the recipe says, not among them.
    """
    combined = _inside(first, second)
    if combined is None:
        return second
    for name, entry in second.table.items():
        combined[name] = combine(combined[name], entry) if name in combined else entry
    return _like(first, combined, first.origin)


def _inside(below: Entry, above: Entry) -> dict[Any, Entry] | None:
    """Return the entries that `above` may change, of a table or an array; None: it replaces."""
    by_index = bool(above.table) and all(isinstance(name, int) for name in above.table)
    if below.elements and by_index:
        return dict(enumerate(below.elements))
    both_tables = isinstance(below.value, dict) and isinstance(above.value, dict)
    return dict(below.table) if both_tables else None


def _like(entry: Entry, inside: dict[Any, Entry], origin: Origin) -> Entry:
    return Entry(list(inside.values()) if entry.elements else inside, origin)


def _is_same(use: str | None, said: str | None) -> bool:
    """Whether a table that says `said` means the component of the one below, `use`."""
    unsaid = use == DEFAULT_OPTIMIZER  # names that are said are full
    return use is None or said in (None, use) or (unsaid and bare(str(said)) == use)


def refuse_two_lengths(document: Entry, problems: Problems) -> None:
    """Name a problem where one source gives the length of training twice."""
    training = document.table.get("training")
    if training is None or not LENGTHS.keys() <= training.table.keys():
        return
    places = [training.table[length].origin.key for length in LENGTHS]
    later = max(places, key=lambda place: place.standing)
    problems.add("`epochs` and `steps` both say how long to train", later, "leave one of them out")


class Override(NamedTuple):
    """One argument: which option, and its new value."""

    names: tuple[str, ...]
    value: Entry


class _NoSuchElementError(Exception):
    """An address leads to no element of an array, or to several: a message, and the way out."""


def read_overrides(arguments: Sequence[str], problems: Problems) -> list[Override]:
    """Return the arguments that can be understood by themselves, and name the others."""
    read = [_read(argument, rank, problems) for rank, argument in enumerate(arguments, FIRST_RANK)]
    return [override for override in read if override is not None]


def _read(argument: str, rank: int, problems: Problems) -> Override | None:
    source = Source(f"--set {argument}", Path.cwd(), rank)
    place = Origin(source, ()).key
    key, equals, raw = argument.partition("=")
    names = tuple(name.strip() for name in key.split("."))
    if not equals or not all(names):
        problems.add("expected KEY=VALUE, as in training.steps=600", place)
    elif len(names) > MOST_DEPTH:
        problems.add(f"expected a key of at most {MOST_DEPTH} parts", place)
    elif names == ("extends",):
        problems.add("`extends` can be said in a file only", place.of(*names))
    else:
        value = annotate(parse_value(raw.strip()), source, names)
        refuse_unfit(value, problems)
        return Override(names, value)
    return None


def parse_value(raw: str) -> Any:
    """Return a value as TOML reads it; a bare word, or anything that is no TOML, is text."""
    if find_hazard(raw):
        return raw
    try:
        document = tomllib.loads(f"value = {raw}")
    except ValueError:
        return raw
    value = document.get("value")
    return raw if len(document) != 1 or isinstance(value, DATES) else value


def apply_overrides(
    document: Entry, overrides: Sequence[Override], problems: Problems, naming: Naming
) -> Entry:
    """Return a document with the arguments laid over it, by the rules of merging."""
    said = Entry({}, document.origin)
    for override in overrides:
        now = merge(document, said)
        try:
            said = naming.in_full(combine(said, _nest(now, override, 0)))
        except _NoSuchElementError as error:
            message, way_out = error.args
            problems.missing(message, override.value.origin.key, way_out)
    refuse_two_lengths(said, problems)
    return merge(document, said)


def _nest(now: Entry | None, override: Override, depth: int) -> Entry:
    """Return an argument's value inside one table for each name of its key.

    `now` is what the recipe, and the arguments before this one, say at this depth of the key.
    """
    origin = override.value.origin
    if depth == len(override.names):
        return override.value
    name: str | int = override.names[depth]
    if depth == 1 and now is None and override.names[0] in LISTS:
        now = Entry([], origin)
    if now is not None and isinstance(now.value, list):
        name = _index(now.elements, override.names[: depth + 1])
        inside: Entry | None = now.elements[name]
    else:
        inside = None if now is None else now.table.get(name)
    here = Origin(origin.source, override.names[:depth])
    return Entry({name: _nest(inside, override, depth + 1)}, here)


def _index(elements: list[Entry], address: tuple[str, ...]) -> int:
    """Return which element of an array an address means: by its number, or by its `use`."""
    array, name = address[-2:]
    if name in (numbers := [str(index) for index in range(len(elements))]):
        return numbers.index(name)
    uses = [str(element.said("use") or "") for element in elements]
    meant = [index for index, use in enumerate(uses) if name in (use, bare(use))]
    if len(meant) == 1:
        return meant[0]
    if meant:
        choices = one_of(f"{array}.{index}" for index in meant)
        raise _NoSuchElementError(f"several of the {array} are '{name}'", f"write {choices}")
    names = [bare(use) for use in uses if use]
    there = ", ".join(f"'{name}'" for name in names) or "none"
    message = f"no '{name}' among the {array} of this recipe"
    raise _NoSuchElementError(message, guess(name, names) or f"there are: {there}")
