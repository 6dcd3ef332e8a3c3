"""`gantool evaluate`: score a trained generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.arguments import (
    DebugOption,
    DeviceOption,
    JsonOption,
    QuietOption,
    RunArgument,
    verbosity,
)
from gantool.cli.output import print_json, print_listing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gantool.evaluation.judgment import Judgment, Score

EXAMPLES = """
gantool evaluate runs/base-2026-01-31-1
gantool evaluate runs/base-2026-01-31-1 --extractor inception --metrics fid,kid --count 50000
gantool evaluate runs/base-2026-01-31-1 --seeds 3 --json
"""
COLUMNS = ("score", "mean", "sd", "real vs real", "better")


def complete_metric(incomplete: str) -> list[str]:
    """Offer the names of metrics, after a comma too."""
    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in names("metric") if name.startswith(begun)]


def complete_extractor(incomplete: str) -> list[str]:
    """Offer the names of extractors."""
    from gantool.evaluation.protocol import PIXELS

    return [name for name in [*names("extractor"), PIXELS] if name.startswith(incomplete)]


def names(kind: str) -> list[str]:
    """Return the names of the installed components of a kind."""
    from gantool.registry.catalog import installed

    return installed().names(kind)


def evaluate(  # noqa: PLR0913  one argument an option
    run: RunArgument,
    *,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metrics",
            metavar="NAMES",
            help="Metrics, separated by commas; by default the recipe's, or all.",
            autocompletion=complete_metric,
            show_default=False,
        ),
    ] = None,
    extractor: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What compares images, or pixels; by default the recipe's.",
            autocompletion=complete_extractor,
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Images to generate; by default the recipe's evaluation.count.",
            show_default=False,
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, metavar="K", help="Sampling seeds to average over.")
    ] = 1,
    device: DeviceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Score the newest checkpoint of a run against the images it was trained on.

    Prints each score, its standard deviation over the sampling seeds, and the same score of one
    half of the real images against the other, which is the best there is to reach. Scores and how
    they were obtained are appended to evaluations.jsonl in the run folder.
    """
    from gantool.evaluation.judging import judge
    from gantool.evaluation.trained import TrainedRun
    from gantool.reporting.judging import judging_progress, show_protocol
    from gantool.reporting.messages import show_warnings
    from gantool.reporting.streams import open_console
    from gantool.runs.folder import existing_folder

    console = open_console()
    level = verbosity(quiet=quiet, verbose=False)
    with show_warnings(console), judging_progress(console, level) as progress:
        judgment = judge(
            TrainedRun(existing_folder(run), device),
            metrics=separate(metrics or ()),
            extractor=extractor,
            count=count,
            repetitions=seeds,
            progress=progress,
        )
    if as_json:
        print_json(judgment.as_data())
        return
    report(judgment)
    if level != "quiet":
        show_protocol(judgment, console)


def separate(lists: Iterable[str]) -> list[str]:
    """Return the names in lists with commas."""
    return [name.strip() for each in lists for name in each.split(",") if name.strip()]


def report(judgment: Judgment) -> None:
    """Print all scores."""
    print_listing(COLUMNS, list(map(record, judgment.scores)), list(map(row, judgment.scores)))


def record(score: Score) -> list[object]:
    """Return a score for a program; what there is not is empty."""
    numbers = (score.mean, score.sd, score.floor)
    return [score.name, *("" if each is None else each for each in numbers), score.direction]


def row(score: Score) -> list[str]:
    """Return a score for a person."""
    from gantool.reporting.figures import format_figure

    spread = "" if score.sd is None else f"± {format_figure(score.sd)}"
    floor = "" if score.floor is None else format_figure(score.floor)
    direction = "" if score.direction == "none" else score.direction
    return [score.name, format_figure(score.mean), spread, floor, direction]
