"""A comparison of runs, put together from their folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from gantool.evaluation.comparison.groups import columns_of, group_runs
from gantool.evaluation.comparison.recorded import RunReader
from gantool.evaluation.comparison.verdicts import deciding_column, lead_of
from gantool.interfaces.step import PLAYERS
from gantool.recipe.documents import ORDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gantool.evaluation.comparison.groups import Column, Group
    from gantool.evaluation.comparison.recorded import RecordedRun
    from gantool.evaluation.comparison.verdicts import Lead
    from gantool.runs.folder import RunFolder


@dataclass(frozen=True)
class Comparison:
    """Runs side by side; there is no lead where no score decides."""

    groups: tuple[Group, ...]
    differences: tuple[Difference, ...]
    columns: tuple[Column, ...]
    lead: Lead | None

    @property
    def winner(self) -> str | None:
        """The name of the best group, if its lead is clear."""
        return self.lead.order[0].name if self.lead is not None and self.lead.is_clear else None

    @property
    def runs(self) -> list[RecordedRun]:
        """All runs."""
        return [run for group in self.groups for run in group.runs]


def compare(folders: Iterable[RunFolder], *, apart: bool = False) -> Comparison:
    """Compare runs by what their folders hold; nothing is computed anew.

    Scores by unlike protocols are refused, or get columns of their own if set `apart`.

    Raises:
        UsageError: When there are fewer than two runs, one of them is going on or cannot be read,
            their images have different channels, or their scores unlike protocols only.
    """
    runs = [*map(RunReader().read, folders)]
    groups = group_runs(runs)
    columns = columns_of(runs, apart=apart)
    decides = deciding_column(columns, groups)
    lead = None if decides is None else lead_of(decides, groups)
    return Comparison(groups, recipe_differences(groups), columns, lead)


def refuse_unlike(folders: Iterable[RunFolder]) -> None:
    """Refuse runs that cannot be compared, before anything is computed for it.

    Raises:
        UsageError: When there are fewer than two, one of them is going on or cannot be read, or
            their images have different channels.
    """
    group_runs([*map(RunReader().read, folders)])


NOT_SAID = "–"
SEED = "training.seed"


class Difference(NamedTuple):
    """An option, or array of components, that is not the same in all groups' recipes."""

    option: str
    values: tuple[str, ...]


def recipe_differences(groups: Sequence[Group]) -> tuple[Difference, ...]:
    """Return every option in which the groups' recipes differ, in the recipes' order."""
    told = [dict(_told(group.first.trained)) for group in groups]
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
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name} = {_text(each)}' for name, each in value.items())}}}"
    return f"{value:g}" if isinstance(value, float) else str(value)
