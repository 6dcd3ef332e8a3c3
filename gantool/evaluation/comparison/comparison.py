"""A comparison of runs, put together from their folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gantool.evaluation.comparison.columns import columns_of
from gantool.evaluation.comparison.differences import recipe_differences
from gantool.evaluation.comparison.groups import group_runs
from gantool.evaluation.comparison.recorded import RunReader
from gantool.evaluation.comparison.verdicts import deciding_column, lead_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gantool.evaluation.comparison.columns import Column
    from gantool.evaluation.comparison.differences import Difference
    from gantool.evaluation.comparison.groups import Group
    from gantool.evaluation.comparison.recorded import RecordedRun
    from gantool.evaluation.comparison.verdicts import Lead
    from gantool.runs.folder import RunFolder


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Attributes:
        groups: Runs of one recipe each.
        differences: In what their recipes differ.
        columns: The scores that they can be compared by.
        lead: Which group is best by the score that decides; None where there is no such score.
    """

    groups: tuple[Group, ...]
    differences: tuple[Difference, ...]
    columns: tuple[Column, ...]
    lead: Lead | None

    @property
    def runs(self) -> list[RecordedRun]:
        """All runs."""
        return [run for group in self.groups for run in group.runs]


def compare(folders: Iterable[RunFolder], *, apart: bool = False) -> Comparison:
    """Compare runs by what their folders hold; nothing is computed anew.

    Args:
        folders: Of at least two runs.
        apart: Whether scores by unlike protocols get columns of their own.

    Raises:
        UsageError: When there are fewer runs, one of them is going on or cannot be read, their
            images have different channels, or their scores unlike protocols only.
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
