"""The parts of `recipes.md` that follow from the code: its tables, and the shipped recipes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from gantool.cli.plugins.options import BEARINGS, options_of
from gantool.interfaces.optimizer import Optimizer
from gantool.interfaces.step import PLAYERS
from gantool.recipe.schema import (
    CORE_TABLES,
    DEFAULT_OPTIMIZER,
    LISTS,
    SINGLES,
    CoreTables,
)
from gantool.recipe.shipped import shipped_recipes
from generating.components import built_in
from generating.markdown import options_table, replace_part, table

if TYPE_CHECKING:
    from collections.abc import Iterator


def rewritten(page: str) -> str:
    """Return the page with its generated parts as the code has them now."""
    page = replace_part(page, "shipped", _shipped())
    return replace_part(page, "tables", "\n\n".join(_tables()))


def _shipped() -> str:
    rows = ((f"`{each.name}`", each.summary) for each in shipped_recipes())
    return table(("recipe", "what it is"), rows)


def _tables() -> Iterator[str]:
    yield "### Before the first table"
    leading = [each for each in options_of(CoreTables) if each.name not in CORE_TABLES]
    rows = ((f"`{each.name}`", each.type, each.meaning) for each in leading)
    yield table(("key", "type", "meaning"), rows)
    yield "### Tables that name a component"
    yield "Each holds `use`, the name of a component, and that component's own options."
    yield table(("table", "how many", "what `use` can name"), _component_tables())
    for name, model in CORE_TABLES.items():
        if name == "training":
            yield from _optimizer()
        yield f"### `[{name}]`"
        said = (inspect.getdoc(model) or "").partition("\n\n")[0]
        yield said if model.bears_upon == "training" else f"{said} {BEARINGS[model.bears_upon]}"
        yield options_table(model)


def _component_tables() -> Iterator[tuple[str, str, str]]:
    for kind in SINGLES:
        yield f"`[{kind}]`", "one", _names(kind)
    for array, kind in LISTS.items():
        yield f"`[[{array}]]`", "any number", _names(kind)


def _names(kind: str) -> str:
    names = sorted(built_in().names(kind))
    return ", ".join(f"[{name}](components.md#{kind}{name})" for name in names)


def _optimizer() -> Iterator[str]:
    players = " and ".join(f"`[optimizer.{player}]`" for player in PLAYERS)
    yield "### `[optimizer]`"
    yield f"How both players learn. {players} take the same options, and say where one differs."
    yield (
        f"`use` is {_names('optimizer')}; where it is not said, `{DEFAULT_OPTIMIZER}`. Each has "
        "options of its own, and these:"
    )
    yield options_table(Optimizer)
