"""The arguments `--set key=value`: the last word on every option."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gantool.recipe.entries import DATES, Entry, Origin, Source, annotate
from gantool.recipe.merging import combine, merge, refuse_two_lengths
from gantool.recipe.naming import bare
from gantool.recipe.parsing import report_unfit
from gantool.recipe.schema import LISTS
from gantool.recipe.tokens import MOST_DEPTH, find_hazard
from gantool.text import guess, one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gantool.recipe.naming import Naming
    from gantool.recipe.problems import Problems

FIRST_RANK = 1_000_000
"""Arguments come after all files, however long the chain."""


class Override(NamedTuple):
    """One argument: which option, and its new value."""

    names: tuple[str, ...]
    value: Entry


class _NoSuchElementError(Exception):
    """An address leads to no element of an array, or to several."""

    def __init__(self, message: str, suggestion: str | None) -> None:
        super().__init__(message)
        self.suggestion = suggestion


def read_overrides(arguments: Sequence[str], problems: Problems) -> list[Override]:
    """Return the arguments that can be understood by themselves, and name the others."""
    found = [_read(argument, rank, problems) for rank, argument in enumerate(arguments, FIRST_RANK)]
    return [override for override in found if override is not None]


def _read(argument: str, rank: int, problems: Problems) -> Override | None:
    source = Source(f"--set {argument}", Path.cwd(), rank)
    origin = Origin(source, ())
    key, equals, raw = argument.partition("=")
    names = tuple(name.strip() for name in key.split("."))
    if not equals or not all(names):
        problems.add("expected KEY=VALUE, as in training.steps=600", origin.key, ())
    elif len(names) > MOST_DEPTH:
        problems.add(f"expected a key of at most {MOST_DEPTH} parts", origin.key, ())
    elif names == ("extends",):
        problems.add("`extends` can be said in a file only", origin.key, names)
    else:
        value = annotate(parse_value(raw.strip()), source, names)
        report_unfit(value, problems)
        return Override(names, value)
    return None


def parse_value(raw: str) -> Any:
    """Return what a value means in TOML; a bare word, or anything that is no TOML, is text."""
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
    """Return a document with the arguments laid over it, by the rules of merging.

    Args:
        document: What the recipe's files say, with full names.
        overrides: The arguments.
        problems: Is told which of them lead nowhere.
        naming: Says which components they mean.
    """
    said = Entry({}, document.origin)
    for override in overrides:
        now = merge(document, said)
        try:
            said = naming.in_full(combine(said, _nest(now, override, 0)))
        except _NoSuchElementError as error:
            origin = override.value.origin
            problems.missing(str(error), origin.key, override.names, error.suggestion)
    refuse_two_lengths(said, problems)
    return merge(document, said)


def _nest(now: Entry | None, override: Override, depth: int) -> Entry:
    """Return the value inside one table for each name of its key.

    Args:
        now: What the recipe, and the arguments before this one, say at this depth.
        override: The argument.
        depth: Names of the key that have been followed.
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
    """Return which element of an array an address means: by its number, or by its `use`.

    Raises:
        _NoSuchElementError: When there is none, or when several have that `use`.
    """
    array, name = address[-2:]
    uses = [str(element.said("use") or "") for element in elements]
    found = [index for index, use in enumerate(uses) if name in (use, bare(use))]
    if name in (numbers := [str(index) for index in range(len(elements))]):
        found = [numbers.index(name)]
    if len(found) == 1:
        return found[0]
    if found:
        choices = one_of(f"{array}.{index}" for index in found)
        raise _NoSuchElementError(f"several of the {array} are '{name}'", f"write {choices}")
    names = [bare(use) for use in uses if use]
    said = ", ".join(f"'{name}'" for name in names) or "none"
    message = f"no '{name}' among the {array} of this recipe"
    raise _NoSuchElementError(message, guess(name, names) or f"there are: {said}")
