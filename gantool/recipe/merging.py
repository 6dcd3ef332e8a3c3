"""Lay one recipe over another: key by key, with three exceptions.

A table naming another `use` than the one below replaces it whole; `steps` and `epochs` replace
each other; arrays replace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.recipe.entries import Entry
from gantool.recipe.schema import DEFAULT_OPTIMIZER

if TYPE_CHECKING:
    from gantool.recipe.entries import Origin
    from gantool.recipe.positions import KeyPath
    from gantool.recipe.problems import Problems

LENGTHS = {"epochs": "steps", "steps": "epochs"}
OPTIMIZER = ("optimizer",)


def merge(below: Entry, above: Entry, path: KeyPath = (), use: str | None = None) -> Entry:
    """Return a document with another one laid over it.

    Args:
        below: The parent's entry.
        above: The child's entry at the same path, or that of `--set` arguments.
        path: Where in the document both are.
        use: The component that the lower table means where it does not say.
    """
    if below.elements and _by_index(above):
        return _merge_elements(below, above, path)
    if not (isinstance(below.value, dict) and isinstance(above.value, dict)):
        return above
    use = below.said("use") or (DEFAULT_OPTIMIZER if path == OPTIMIZER else use)
    if use is not None and above.said("use") not in (None, use):
        return above
    merged = dict(below.table)
    if path == ("training",):
        for length in LENGTHS.keys() & above.table.keys():
            merged.pop(LENGTHS[length], None)
    inherited = use if path == OPTIMIZER else None
    for name, entry in above.table.items():
        lower = merged.get(name)
        merged[name] = merge(lower, entry, (*path, name), inherited) if lower else entry
    is_argument = above.origin.source.text is None  # it has no header that a person could look at
    return Entry(merged, below.origin if is_argument else above.origin)


def combine(first: Entry, second: Entry) -> Entry:
    """Return what two `--set` arguments say together, whatever their order.

    The rules of `merge` are between what they say and what the recipe says, not among them.
    """
    if first.elements and _by_index(second):
        elements = list(first.elements)
        for index, entry in second.table.items():
            elements[index] = combine(elements[index], entry)
        return Entry(elements, first.origin)
    if not (isinstance(first.value, dict) and isinstance(second.value, dict)):
        return second
    combined = dict(first.table)
    for name, entry in second.table.items():
        combined[name] = combine(combined[name], entry) if name in combined else entry
    return Entry(combined, first.origin)


def refuse_two_lengths(document: Entry, problems: Problems) -> None:
    """Name a problem where one source gives the length of training twice."""
    training = document.table.get("training")
    if training is None or not LENGTHS.keys() <= training.table.keys():
        return
    later = max((training.table[length].origin for length in LENGTHS), key=_standing)
    message = "`epochs` and `steps` both say how long to train"
    problems.add(message, later.key, later.path, "leave one of them out")


def _standing(origin: Origin) -> tuple[int, int]:
    return origin.key.standing


def _by_index(entry: Entry) -> bool:
    """Whether an entry changes elements of an array instead of replacing it."""
    return bool(entry.table) and all(isinstance(name, int) for name in entry.table)


def _merge_elements(below: Entry, above: Entry, path: KeyPath) -> Entry:
    elements = list(below.elements)
    for index, entry in above.table.items():
        elements[index] = merge(elements[index], entry, (*path, index))
    return Entry(elements, below.origin)
