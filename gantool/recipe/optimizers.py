"""Read both players' optimizers from `[optimizer]` and the players' own tables in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.interfaces.step import PLAYERS
from gantool.recipe.check.tables import validate
from gantool.recipe.composing import merge
from gantool.recipe.schema import DEFAULT_OPTIMIZER, OPTIMIZERS
from gantool.recipe.source.entries import Entry, Origin, plain
from gantool.recipe.source.wording import shown
from gantool.text import guess, one_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gantool.interfaces.step import Player
    from gantool.recipe.schema import OptimizerTable
    from gantool.recipe.source.problems import Problems
    from gantool.recipe.source.toml import KeyPath


@dataclass(frozen=True)
class Optimizers:
    """What `[optimizer]` says, for both players and for each.

    Attributes:
        shared: The options of `[optimizer]` itself.
        players: Each player's options, the shared ones included.
        tables: What the recipe says, in the same terms: each player's table is complete.
    """

    shared: OptimizerTable
    players: Mapping[Player, OptimizerTable]
    tables: Entry


def choose_optimizers(document: Entry, problems: Problems) -> Optimizers | None:
    """Return both players' optimizers: `[optimizer]`, and where a player's own table differs."""
    whole = document.table.get("optimizer") or Entry({}, Origin(document.origin.source, ()))
    shared = whole.without(*PLAYERS)
    if not isinstance(whole.value, dict):
        shared = whole
    everyone = _optimizer(shared, "[optimizer]", problems)
    tables = {player: _of_player(player, shared, whole.table.get(player)) for player in PLAYERS}
    players = {
        player: _optimizer(table, f"[optimizer.{player}]", problems)
        for player, table in tables.items()
    }
    complete = {player: table for player, table in players.items() if table is not None}
    if everyone is None or len(complete) < len(PLAYERS):
        return None
    return Optimizers(everyone, complete, Entry({**shared.table, **tables}, whole.origin))


def _of_player(player: Player, shared: Entry, own: Entry | None) -> Entry:
    path: KeyPath = ("optimizer", player)
    return shared if own is None else merge(shared, own, path, DEFAULT_OPTIMIZER)


def _optimizer(table: Entry, title: str, problems: Problems) -> OptimizerTable | None:
    use = table.table.get("use")
    name = DEFAULT_OPTIMIZER if use is None else use.value
    if not isinstance(table.value, dict):
        message = f"expected a table {title}, got {shown(plain(table))}"
        problems.add(message, table.origin.value, table.origin.path)
        return None
    if use is not None and (not isinstance(name, str) or name not in OPTIMIZERS):
        suggestion = guess(str(name), OPTIMIZERS) or f"expected {one_of(OPTIMIZERS)}"
        message = f"unknown optimizer {shown(plain(use))}"
        problems.add(message, use.origin.value, use.origin.path, suggestion)
        return None
    return validate(OPTIMIZERS[name], table, f"optimizer '{name}'", problems)
