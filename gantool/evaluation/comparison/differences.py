"""In what recipes differ, in as few lines as tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gantool.evaluation.comparison.groups import OF_NO_CONSEQUENCE
from gantool.interfaces.step import PLAYERS
from gantool.recipe.resolving import ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gantool.evaluation.comparison.groups import Group

NOT_SAID = "–"
UNTOLD = (*OF_NO_CONSEQUENCE, "extends", "sampling", "device")
"""Tables that are no part of what is compared."""
SEED = "training.seed"


class Difference(NamedTuple):
    """An option that is not the same in all recipes.

    Attributes:
        option: Its dotted key, or the array of components.
        values: Of each group, in order.
    """

    option: str
    values: tuple[str, ...]


def recipe_differences(groups: Sequence[Group]) -> tuple[Difference, ...]:
    """Return every option in which the groups' recipes differ, in the recipes' order."""
    told = [dict(_told(group.first.document)) for group in groups]
    options = {option: None for each in told for option in each if option != SEED}
    found = (
        Difference(option, tuple(each.get(option, NOT_SAID) for each in told))
        for option in sorted(options, key=_place)
    )
    return tuple(_joined([each for each in found if len(set(each.values)) > 1]))


def _place(option: str) -> int:
    """Return where the table of an option stands in recipes."""
    table = option.partition(".")[0]
    table = "optimizer" if table in PLAYERS else table
    return ORDER.index(table) if table in ORDER else len(ORDER)


def _joined(differences: Sequence[Difference]) -> Iterator[Difference]:
    """Yield differences that both players have as one."""
    first, second = (f"{player}." for player in PLAYERS)
    values = {each.option: each.values for each in differences}
    for option, held in differences:
        name = option.partition(".")[2]
        if option.startswith((first, second)) and values.get(first + name) == values.get(
            second + name
        ):
            if option.startswith(first):
                yield Difference(f"optimizer.{name}", held)
        else:
            yield Difference(option, held)


def _told(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each option and its value as text."""
    for name, value in document.items():
        if name in UNTOLD:
            continue
        if name == "optimizer" and isinstance(value, dict):
            yield from _players(value)
        elif isinstance(value, list):
            yield name, ", ".join(map(_component, value)) or NOT_SAID
        elif isinstance(value, dict):
            yield from ((f"{name}.{option}", _text(each)) for option, each in value.items())
        else:
            yield name, _text(value)


def _players(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the options of each player's optimizer."""
    shared = {option: value for option, value in table.items() if option not in PLAYERS}
    for player in PLAYERS:
        own = table.get(player, shared)
        own = own if isinstance(own, dict) else {"": own}
        yield from ((f"{player}.{option}", _text(value)) for option, value in own.items())


def _component(table: Any) -> str:
    """Return a component of an array with its options, as in "r1 (gamma 5)"."""
    if not isinstance(table, dict):
        return _text(table)
    options = [f"{name} {_text(value)}" for name, value in table.items() if name != "use"]
    return f"{table.get('use')} ({', '.join(options)})" if options else str(table.get("use"))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
