"""A comparison on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.reporting.comparing.table import (
    SECTIONS,
    protocol_in_words,
    rows_of,
    shown_columns,
)
from gantool.reporting.comparing.wording import conclusion, game_in_words
from gantool.text import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from gantool.evaluation.comparison.comparison import Comparison
    from gantool.reporting.comparing.table import Row

BEST_STYLE = "bold green"
LABEL_WIDTHS = (29, 40)
"""Columns for what says which figure it is, on terminals narrower than `TEXT_WIDTH` and others."""
TEXT_WIDTH = 100
"""Columns at most of a paragraph: longer lines are hard to read."""


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print table, conclusion and protocols for a person."""
    from rich.padding import Padding
    from rich.text import Text

    width = min(console.width, TEXT_WIDTH)
    console.print(_table(comparison, LABEL_WIDTHS[console.width >= TEXT_WIDTH]))
    for group in comparison.groups:
        console.print()
        console.print(Text(visible(group.name), "bold cyan"), soft_wrap=True)
        console.print(Padding(Text(visible(game_in_words(group))), (0, 0, 0, 2)), width=width)
    console.print()
    console.print(Text("Conclusion", "bold"))
    console.print(Padding(Text(visible(conclusion(comparison))), (0, 0, 0, 2)), width=width)
    for column in shown_columns(comparison):
        console.print()
        text = f"{column.name}: {protocol_in_words(column)}"
        console.print(Text(visible(text), "dim"), width=width)


def _table(comparison: Comparison, label_width: int) -> Table:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold cyan")
    table.add_column("", width=label_width, overflow="fold")
    for group in comparison.groups:
        table.add_column(Text(visible(group.name)), overflow="fold")
    section = ""
    for row in rows_of(comparison):
        if row.section != section:
            if section:
                table.add_row()
            section = row.section
            table.add_row(Text(SECTIONS[section], "bold"))
        label = Text(visible(row.short or row.label), overflow="fold")
        table.add_row(Padding(label, (0, 0, 0, 4 if row.short else 2)), *_cells(row))
    return table


def _cells(row: Row) -> list[Text]:
    from rich.text import Text

    return [
        Text(visible(cell), BEST_STYLE if place == row.best else "")
        for place, cell in enumerate(row.cells)
    ]
