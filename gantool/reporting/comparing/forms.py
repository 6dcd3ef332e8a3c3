"""A comparison as plain data, as Markdown, and on a terminal."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gantool.evaluation.comparison import verdicts
from gantool.reporting.comparing.table import (
    protocol_in_words,
    score_columns,
    sections_of,
    slope,
)
from gantool.reporting.comparing.wording import conclusion, game_in_words
from gantool.text import markdown, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console
    from rich.table import Table

    from gantool.evaluation.comparison.comparison import Comparison
    from gantool.evaluation.comparison.groups import Column, Group, Spread
    from gantool.evaluation.comparison.recorded import RecordedRun
    from gantool.evaluation.comparison.verdicts import Lead

SIGNS: dict[str, Callable[[RecordedRun], bool]] = {
    "generator_loss_climbs": verdicts.climbs,
    "discriminator_wins": verdicts.discriminator_wins,
    "generator_ahead": verdicts.generator_ahead,
    "collapsed": verdicts.collapsed,
    "diverged": verdicts.diverged,
    "unfinished": verdicts.unfinished,
}
"""The rules about single runs."""
BEST_STYLE = "bold green"
LABEL_WIDTHS = (29, 40)
"""Columns for what says which figure it is, on terminals narrower than `TEXT_WIDTH` and others."""
TEXT_WIDTH = 100
"""Columns at most of a paragraph: longer lines are hard to read."""


def as_data(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data for JSON."""
    lead = comparison.lead
    return {
        "groups": [_group(group) for group in comparison.groups],
        "differences": [
            {"option": option, "values": list(values)} for option, values in comparison.differences
        ],
        "scores": [_column(column, comparison.groups) for column in comparison.columns],
        "winner": comparison.winner,
        "lead": None if lead is None else _lead(lead),
        "conclusion": conclusion(comparison),
    }


def _lead(lead: Lead) -> dict[str, Any]:
    order = [group.name for group in lead.order]
    measured = {"size": lead.size, "noise": lead.noise, "noise_from": lead.source}
    return {"score": lead.column.name, "order": order, **measured}


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "runs": [_run(run) for run in group.runs],
        "signs": {name: group.count(rule) for name, rule in SIGNS.items()},
        "in_words": game_in_words(group),
    }


def _run(run: RecordedRun) -> dict[str, Any]:
    return {
        "folder": str(run.folder.path),
        "seed": run.seed,
        "step": run.step,
        "steps": run.status.steps,
        "epochs": run.curves.epoch,
        "seconds": run.timing.seconds,
        "images_per_second": run.timing.images_per_second,
        **asdict(run.stability),
        "generator_loss_slope": slope(run),
        "scores_without_protocol": run.without_protocol,
    }


def _column(column: Column, groups: Sequence[Group]) -> dict[str, Any]:
    return {
        "name": column.name,
        "direction": column.direction,
        "options": json.loads(column.options),
        "protocol": column.protocol.as_data(),
        "final": {group.name: _spread(column.final(group)) for group in groups},
        "best": {group.name: _spread(column.best(group)) for group in groups},
    }


def _spread(spread: Spread | None) -> dict[str, Any] | None:
    return None if spread is None else asdict(spread)


def as_markdown(comparison: Comparison) -> str:
    """Return the table and the conclusion as Markdown."""
    names = [group.name for group in comparison.groups]
    lines = ["| | " + " | ".join(map(markdown, names)) + " |", "|---" * (len(names) + 1) + "|"]
    for section, rows in sections_of(comparison).items():
        lines.append(f"| **{section}** |" + " |" * len(names))
        for row in rows:
            cells = [*map(markdown, row.cells)]
            if row.best is not None:
                cells[row.best] = f"**{cells[row.best]}**"
            lines.append(f"| {markdown(row.label)} | " + " | ".join(cells) + " |")
    games = [f"- **{markdown(g.name)}**: {markdown(game_in_words(g))}" for g in comparison.groups]
    protocols = [
        f"- {markdown(each.name)}: {markdown(protocol_in_words(each))}."
        for each in score_columns(comparison)
    ]
    said = markdown(conclusion(comparison))
    parts = [said, "\n".join(lines), "\n".join(games), "\n".join(protocols)]
    return "\n\n".join(part for part in parts if part) + "\n"


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print table, conclusion and protocols for a person."""
    from rich.padding import Padding
    from rich.text import Text

    width = min(console.width, TEXT_WIDTH)

    def indented(text: str) -> None:
        console.print(Padding(Text(visible(text)), (0, 0, 0, 2)), width=width)

    console.print(_table(comparison, LABEL_WIDTHS[console.width >= TEXT_WIDTH]))
    for group in comparison.groups:
        console.print()
        console.print(Text(visible(group.name), "bold cyan"), soft_wrap=True)
        indented(game_in_words(group))
    console.print()
    console.print(Text("Conclusion", "bold"))
    indented(conclusion(comparison))
    for column in score_columns(comparison):
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
    for section, rows in sections_of(comparison).items():
        if table.row_count:
            table.add_row()
        table.add_row(Text(section, "bold"))
        for row in rows:
            label = Text(visible(row.short or row.label), overflow="fold")
            cells = [Text(visible(cell)) for cell in row.cells]
            if row.best is not None:
                cells[row.best].stylize(BEST_STYLE)
            table.add_row(Padding(label, (0, 0, 0, 4 if row.short else 2)), *cells)
    return table
