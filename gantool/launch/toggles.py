"""Parts that can be taken out of a recipe, and the recipe without them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from gantool.errors import UsageError
from gantool.interfaces.step import PLAYERS
from gantool.launch.changes import OF_NO_CONSEQUENCE
from gantool.recipe.documents import bare
from gantool.text import guess

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ARRAY = "regularizers"
SWITCHES = ("architecture", "image", "training", "loss")
"""Tables whose options that are true can be turned off."""


def toggles_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return everything that can be taken out of a resolved recipe.

    These are its regularizers, the average of the generator's weights, a player's own optimizer,
    a schedule of the learning rate, and options that are true.
    """
    return tuple(_toggles(document))


def without(document: Mapping[str, Any], toggle: str) -> dict[str, Any]:
    """Return a resolved recipe without one of its parts.

    Args:
        document: The recipe as plain data, which stays as it is.
        toggle: As `toggles_of` names it.

    Raises:
        UsageError: When the recipe has no such part; it lists those that there are.
    """
    found = toggles_of(document)
    if toggle not in found:
        there = f"there are: {', '.join(found)}" if found else "it has nothing to toggle"
        raise UsageError(
            f"the recipe has no '{toggle}' that could be toggled",
            "; ".join(filter(None, (guess(toggle, found), there))),
        )
    changed = copy.deepcopy(dict(document))
    table, _, option = toggle.partition(".")
    if table == ARRAY:
        del changed[ARRAY][_names(document).index(option)]
    elif toggle == "ema":
        changed["ema"].pop("half_life_images")
        changed.get("sampling", {}).pop("weights", None)
    elif table == "optimizer":
        _without_optimizer(changed["optimizer"], option)
    else:
        changed[table][option] = False
    return {name: value for name, value in changed.items() if value != []}


def _without_optimizer(table: dict[str, Any], option: str) -> None:
    """Give a player what both share, or all of them a constant learning rate."""
    if option in PLAYERS:
        del table[option]
        return
    for each in (table, *(table[player] for player in PLAYERS if player in table)):
        each["schedule"] = "constant"


def _toggles(document: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{ARRAY}.{name}" for name in _names(document))
    if "half_life_images" in document.get("ema", {}):
        yield "ema"
    optimizer = document.get("optimizer", {})
    yield from (f"optimizer.{player}" for player in PLAYERS if player in optimizer)
    tables = (optimizer, *(optimizer.get(player, {}) for player in PLAYERS))
    if any(each.get("schedule", "constant") != "constant" for each in tables):
        yield "optimizer.schedule"
    for table in SWITCHES:
        options = document.get(table, {}).items()
        found = (f"{table}.{name}" for name, value in options if value is True)
        yield from (name for name in found if name not in OF_NO_CONSEQUENCE)


def _names(document: Mapping[str, Any]) -> list[str]:
    """Return what each regularizer is called: its name, or its place where several have that."""
    uses = [bare(str(entry["use"])) for entry in document.get(ARRAY, ())]
    return [use if uses.count(use) == 1 else str(place) for place, use in enumerate(uses)]
