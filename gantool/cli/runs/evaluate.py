"""`gantool evaluate`: score a trained generator."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.arguments import (
    DeviceOption,
    JsonOption,
    QuietOption,
    RunArgument,
    complete_run,
    component_names,
    examples,
    option,
    separate,
    starting,
    starting_each,
    verbosity,
)
from gantool.cli.output import print_json, print_listing
from gantool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.evaluation.scoring.evidence import Progress
    from gantool.runs.scores import Evaluation, Score

MEAN_OF_CLASSES = "mean of classes"
COLUMNS = ("score", "mean", "sd", "real vs real", "better")


def complete_metric(incomplete: str) -> list[str]:
    """Offer the names of metrics, after a comma too."""
    return starting_each(incomplete, component_names("metric"))


def complete_extractor(incomplete: str) -> list[str]:
    """Offer the names of extractors."""
    from gantool.runs.scores import PIXELS

    return starting(incomplete, [*component_names("extractor"), PIXELS])


MetricsOption = Annotated[
    list[str] | None,
    option(
        "--metrics",
        "NAMES",
        "Metrics, separated by commas; by default the recipe's, or all but costly ones.",
        autocompletion=complete_metric,
    ),
]
ExtractorOption = Annotated[
    str | None,
    option(
        "--extractor",
        "NAME",
        "What compares images, or pixels; by default the recipe's.",
        autocompletion=complete_extractor,
    ),
]
CountOption = Annotated[
    int | None,
    option(
        "--count",
        "N",
        "Images to generate; by default the recipe's evaluation.count, or with --classes as "
        "many of each class as it has.",
        min=1,
    ),
]
SeedsOption = Annotated[
    int, typer.Option(min=1, metavar="K", help="Sampling seeds to average over.")
]
ProtocolOption = Annotated[
    Path | None,
    option(
        "--protocol",
        "FILE|RUN",
        "Evaluate as another run was: by its metrics, extractor, count and seeds.",
        autocompletion=complete_run,
    ),
]
CheckpointOption = Annotated[
    str,
    typer.Option(metavar="WHICH", help="newest, best, or the number of steps it was saved after."),
]
ClassesOption = Annotated[
    bool,
    typer.Option(
        "--classes", help="Score each class of a conditional run by itself; nothing is written."
    ),
]
EXAMPLES = """
gantool evaluate runs/base-2026-01-31-1
gantool evaluate runs/base-2026-01-31-1 --extractor inception --metrics fid,kid --count 50000
gantool evaluate runs/base-2026-01-31-1 --seeds 3 --json
gantool evaluate runs/l2-2026-01-31-1 --protocol runs/base-2026-01-31-1
gantool evaluate runs/base-2026-01-31-1 --checkpoint best
gantool evaluate runs/portraits-2026-01-31-1 --classes
"""


@examples(EXAMPLES)
def evaluate(  # noqa: PLR0913  one argument an option
    run: RunArgument,
    *,
    metrics: MetricsOption = None,
    extractor: ExtractorOption = None,
    count: CountOption = None,
    seeds: SeedsOption = 1,
    protocol: ProtocolOption = None,
    checkpoint: CheckpointOption = "newest",
    classes: ClassesOption = False,
    device: DeviceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score a checkpoint of a run against the images it was trained on.

    Prints each score, its standard deviation over the sampling seeds, and the same score of one
    half of the real images against the other, which is the best there is to reach. Scores and how
    they were obtained are appended to evaluations.jsonl in the run folder.
    """
    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.reporting.console.messages import open_console
    from gantool.runs.folder import existing_folder

    decided = {"--extractor": extractor, "--count": count, "--seeds": seeds != 1}
    _refuse_both(protocol, {**decided, "--classes": classes})
    trained, console = TrainedRun(existing_folder(run), device, checkpoint), open_console()
    how: dict[str, Any] = {"extractor": extractor, "count": count, "repetitions": seeds}
    how["metrics"] = separate(metrics)
    with scoring(console, quiet=quiet) as how["progress"]:
        found = _evaluated(trained, protocol, how, by_class=classes)
    if as_json:
        plain = {name: evaluation.as_data() for name, evaluation in found.items()}
        print_json(plain if classes else plain[""])
    else:
        _present(found, console, quiet=quiet)


def _evaluated(
    trained: TrainedRun, protocol: Path | None, how: dict[str, Any], *, by_class: bool
) -> Mapping[str, Evaluation]:
    """Return the evaluation of each class by its name, or the one of all images as ""."""
    from gantool.evaluation.scoring.evaluating import evaluate, evaluate_classes
    from gantool.evaluation.scoring.example import read_example

    if by_class:
        return evaluate_classes(trained, **how)
    like = None if protocol is None else read_example(protocol)
    return {"": evaluate(trained, like=like, **how)}


@contextmanager
def scoring(console: Console, *, quiet: bool) -> Iterator[Progress]:
    """Show warnings, and yield what is told how far an evaluation is."""
    from gantool.reporting.console.messages import show_warnings
    from gantool.reporting.console.progress import scoring_progress

    with show_warnings(console), scoring_progress(console, verbosity(quiet=quiet)) as progress:
        yield progress


def _present(found: Mapping[str, Evaluation], console: Console, *, quiet: bool) -> None:
    """Print all scores; say to a person how they were obtained."""
    from gantool.evaluation.scoring.evaluating import mean_over_classes
    from gantool.reporting.console.messages import say, show_protocol
    from gantool.reporting.figures import score_cells

    by_class = "" not in found
    scores = [(name, score) for name, each in found.items() for score in each.scores]
    if by_class:
        scores += [(MEAN_OF_CLASSES, score) for score in mean_over_classes(found.values())]
    print_listing(
        ("class", *COLUMNS) if by_class else COLUMNS,
        [[*_named(name), *_record(score)] for name, score in scores],
        [[*_named(name), *score_cells(score)] for name, score in scores],
    )
    if not quiet:
        name, evaluation = next(iter(found.items()))
        if by_class:
            say(console, (f"each class by itself; of '{name}', and of the others alike:", "dim"))
        show_protocol(evaluation, console)


def _named(name: str) -> list[str]:
    return [name] if name else []


def _refuse_both(protocol: Path | None, said: Mapping[str, object]) -> None:
    given = " and ".join(option for option, value in said.items() if value)
    if protocol is not None and given:
        raise UsageError(
            f"--protocol and {given} exclude each other",
            f"{protocol} says how to evaluate: leave {given} out",
        )


def _record(score: Score) -> list[object]:
    """Return a score for a program; a missing number is empty."""
    numbers = (score.mean, score.sd, score.floor)
    return [score.name, *("" if each is None else each for each in numbers), score.direction]
