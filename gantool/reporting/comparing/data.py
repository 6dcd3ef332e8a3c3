"""A comparison as plain data, and as Markdown."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gantool.evaluation.comparison.verdicts import (
    climbs,
    collapsed,
    discriminator_wins,
    diverged,
    generator_ahead,
    unfinished,
)
from gantool.reporting.comparing.table import SECTIONS, protocol_in_words, rows_of, shown_columns
from gantool.reporting.comparing.wording import conclusion, game_in_words
from gantool.text import markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gantool.evaluation.comparison.comparison import Comparison
    from gantool.evaluation.comparison.groups import Column, Group, Spread
    from gantool.evaluation.comparison.recorded import RecordedRun

SIGNS: dict[str, Callable[[RecordedRun], bool]] = {
    "generator_loss_climbs": climbs,
    "discriminator_wins": discriminator_wins,
    "generator_ahead": generator_ahead,
    "collapsed": collapsed,
    "diverged": diverged,
    "unfinished": unfinished,
}
"""The rules about single runs."""


def as_data(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain data for JSON."""
    lead = comparison.lead
    return {
        "groups": [_group(group) for group in comparison.groups],
        "differences": [
            {"option": option, "values": list(values)} for option, values in comparison.differences
        ],
        "scores": [_column(column, comparison) for column in comparison.columns],
        "winner": lead.order[0].name if lead is not None and lead.is_clear else None,
        "lead": None
        if lead is None
        else {
            "score": lead.column.name,
            "order": [group.name for group in lead.order],
            "size": lead.size,
            "noise": lead.noise,
            "noise_from": lead.source,
        },
        "conclusion": conclusion(comparison),
    }


def as_markdown(comparison: Comparison) -> str:
    """Return the table and the conclusion as Markdown."""
    names = [group.name for group in comparison.groups]
    lines = ["| | " + " | ".join(map(markdown, names)) + " |", "|---" * (len(names) + 1) + "|"]
    section = ""
    for row in rows_of(comparison):
        if row.section != section:
            section = row.section
            lines.append(f"| **{SECTIONS[section]}** |" + " |" * len(names))
        cells = [*map(markdown, row.cells)]
        cells = [f"**{cell}**" if place == row.best else cell for place, cell in enumerate(cells)]
        lines.append(f"| {markdown(row.label)} | " + " | ".join(cells) + " |")
    games = [f"- **{markdown(g.name)}**: {markdown(game_in_words(g))}" for g in comparison.groups]
    protocols = [
        f"- {markdown(each.name)}: {markdown(protocol_in_words(each))}."
        for each in shown_columns(comparison)
    ]
    said = markdown(conclusion(comparison))
    parts = [said, "\n".join(lines), "\n".join(games), "\n".join(protocols)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "runs": [_run(run) for run in group.runs],
        "signs": {name: group.count(rule) for name, rule in SIGNS.items()},
        "in_words": game_in_words(group),
    }


def _run(run: RecordedRun) -> dict[str, Any]:
    trend = run.stability.trend
    return {
        "folder": str(run.folder.path),
        "seed": run.seed,
        "step": run.step,
        "steps": run.status.steps,
        "epochs": run.epochs,
        "seconds": run.timing.seconds,
        "images_per_second": run.timing.images_per_second,
        **asdict(run.stability),
        "generator_loss_slope": None if trend is None else trend.slope,
        "scores_without_protocol": run.without_protocol,
    }


def _column(column: Column, comparison: Comparison) -> dict[str, Any]:
    return {
        "name": column.name,
        "direction": column.direction,
        "options": json.loads(column.options),
        "protocol": column.protocol.as_data(),
        "final": dict(_spreads(column.final, comparison)),
        "best": dict(_spreads(column.best, comparison)),
    }


def _spreads(
    figure: Callable[[Group], Spread | None], comparison: Comparison
) -> Iterator[tuple[str, dict[str, Any] | None]]:
    for group in comparison.groups:
        spread = figure(group)
        yield group.name, None if spread is None else asdict(spread)
