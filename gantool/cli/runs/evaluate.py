"""`gantool evaluate`: score a trained generator."""

from __future__ import annotations

from functools import partial
from pathlib import Path
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
from gantool.cli.completion import complete_run
from gantool.cli.output import print_json, print_listing
from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import Console

    from gantool.reporting.console.messages import Level
    from gantool.runs.scores import Evaluation, Score

EXAMPLES = """
gantool evaluate runs/base-2026-01-31-1
gantool evaluate runs/base-2026-01-31-1 --extractor inception --metrics fid,kid --count 50000
gantool evaluate runs/base-2026-01-31-1 --seeds 3 --json
gantool evaluate runs/l2-2026-01-31-1 --protocol runs/base-2026-01-31-1
gantool evaluate runs/base-2026-01-31-1 --checkpoint best
gantool evaluate runs/portraits-2026-01-31-1 --classes
"""
MEAN_OF_CLASSES = "mean of classes"
COLUMNS = ("score", "mean", "sd", "real vs real", "better")


def complete_metric(incomplete: str) -> list[str]:
    """Offer the names of metrics, after a comma too."""
    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in names("metric") if name.startswith(begun)]


def complete_extractor(incomplete: str) -> list[str]:
    """Offer the names of extractors."""
    from gantool.runs.scores import PIXELS

    return [name for name in [*names("extractor"), PIXELS] if name.startswith(incomplete)]


def names(kind: str) -> list[str]:
    """Return the names of the installed components of a kind."""
    from gantool.registry.catalog import installed

    return installed().names(kind)


MetricsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metrics",
        metavar="NAMES",
        help="Metrics, separated by commas; by default the recipe's, or all.",
        autocompletion=complete_metric,
        show_default=False,
    ),
]
ExtractorOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="What compares images, or pixels; by default the recipe's.",
        autocompletion=complete_extractor,
        show_default=False,
    ),
]
CountOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Images to generate; by default the recipe's evaluation.count, or with --classes as "
        "many of each class as it has.",
        show_default=False,
    ),
]
SeedsOption = Annotated[
    int, typer.Option(min=1, metavar="K", help="Sampling seeds to average over.")
]


def evaluate(  # noqa: PLR0913  one argument an option
    run: RunArgument,
    *,
    metrics: MetricsOption = None,
    extractor: ExtractorOption = None,
    count: CountOption = None,
    seeds: SeedsOption = 1,
    protocol: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|RUN",
            help="Evaluate as another run was: by its metrics, extractor, count and seeds.",
            autocompletion=complete_run,
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[
        str,
        typer.Option(
            metavar="WHICH", help="newest, best, or the number of steps it was saved after."
        ),
    ] = "newest",
    classes: Annotated[
        bool,
        typer.Option(
            "--classes", help="Score each class of a conditional run by itself; nothing is written."
        ),
    ] = False,
    device: DeviceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Score a checkpoint of a run against the images it was trained on.

    Prints each score, its standard deviation over the sampling seeds, and the same score of one
    half of the real images against the other, which is the best there is to reach. Scores and how
    they were obtained are appended to evaluations.jsonl in the run folder.
    """
    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.evaluation.scoring.evaluating import evaluate as score
    from gantool.evaluation.scoring.evaluating import evaluate_classes
    from gantool.evaluation.scoring.example import read_example
    from gantool.reporting.console.messages import open_console, show_warnings
    from gantool.reporting.console.progress import scoring_progress
    from gantool.runs.folder import existing_folder

    decided = {"--extractor": extractor, "--count": count, "--seeds": seeds != 1}
    refuse_both(protocol, {**decided, "--classes": classes})
    console, level = open_console(), verbosity(quiet=quiet, verbose=False)
    trained = TrainedRun(existing_folder(run), device, checkpoint)
    like = None if protocol is None else read_example(protocol)
    with show_warnings(console), scoring_progress(console, level) as progress:
        evaluating = evaluate_classes if classes else partial(score, like=like)
        found = evaluating(
            trained,
            metrics=separate(metrics or ()),
            extractor=extractor,
            count=count,
            repetitions=seeds,
            progress=progress,
        )
    if isinstance(found, dict):
        present_classes(found, console, level, as_json=as_json)
    else:
        present(found, console, level, as_json=as_json)


def present(evaluation: Evaluation, console: Console, level: Level, *, as_json: bool) -> None:
    """Print all scores; say to a person how they were obtained."""
    from gantool.reporting.console.messages import show_protocol

    if as_json:
        print_json(evaluation.as_data())
        return
    report(evaluation)
    if level != "quiet":
        show_protocol(evaluation, console)


def present_classes(
    evaluations: Mapping[str, Evaluation], console: Console, level: Level, *, as_json: bool
) -> None:
    """Print the scores of each class and their mean over the classes."""
    from gantool.evaluation.scoring.evaluating import mean_over_classes
    from gantool.reporting.console.messages import say, show_protocol

    if as_json:
        print_json({name: evaluation.as_data() for name, evaluation in evaluations.items()})
        return
    scores = [(name, score) for name, found in evaluations.items() for score in found.scores]
    scores += [(MEAN_OF_CLASSES, score) for score in mean_over_classes(evaluations.values())]
    print_listing(
        ("class", *COLUMNS),
        [[name, *record(score)] for name, score in scores],
        [[name, *row(score)] for name, score in scores],
    )
    if level != "quiet":
        name, evaluation = next(iter(evaluations.items()))
        say(console, (f"each class by itself; of '{name}', and of the others alike:", "dim"))
        show_protocol(evaluation, console)


def refuse_both(protocol: Path | None, said: Mapping[str, object]) -> None:
    """Refuse options that a protocol decides.

    Args:
        protocol: Where it is said, if anywhere.
        said: Options that it decides, and whether they were given.

    Raises:
        UsageError: When both are given.
    """
    given = [option for option, value in said.items() if value]
    if protocol is not None and given:
        raise UsageError(
            f"--protocol and {' and '.join(given)} exclude each other",
            f"{protocol} says how to evaluate: leave {' and '.join(given)} out",
        )


def separate(lists: Iterable[str]) -> list[str]:
    """Return the names in lists with commas."""
    return [name.strip() for each in lists for name in each.split(",") if name.strip()]


def report(evaluation: Evaluation) -> None:
    """Print all scores."""
    print_listing(COLUMNS, list(map(record, evaluation.scores)), list(map(row, evaluation.scores)))


def record(score: Score) -> list[object]:
    """Return a score for a program; a missing number is empty."""
    numbers = (score.mean, score.sd, score.floor)
    return [score.name, *("" if each is None else each for each in numbers), score.direction]


def row(score: Score) -> list[str]:
    """Return a score for a person."""
    from gantool.reporting.figures import format_figure

    mean, sd, floor = (
        "" if each is None else format_figure(each) for each in (score.mean, score.sd, score.floor)
    )
    direction = "" if score.direction == "none" else score.direction
    return [score.name, mean, f"± {sd}" if sd else "", floor, direction]
