"""`gantool compare`: runs side by side, and what follows from it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gantool.cli.arguments import (
    DeviceOption,
    JsonOption,
    QuietOption,
    argument,
    complete_run,
    examples,
    option,
    separate,
)
from gantool.cli.output import print_json, print_records, tell
from gantool.cli.runs.evaluate import (
    CountOption,
    ExtractorOption,
    MetricsOption,
    SeedsOption,
    scoring,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from gantool.evaluation.comparison.comparison import Comparison
    from gantool.runs.folder import RunFolder

RunsArgument = Annotated[
    list[Path],
    argument(
        "RUN",
        "At least two run folders; those that differ in their seed alone count as one.",
        complete_run,
    ),
]
OutOption = Annotated[
    Path | None, option("--out", "FILE", "Write one HTML page, with curves and pictures.")
]
MarkdownOption = Annotated[Path | None, option("--markdown", "FILE", "Write table and conclusion.")]
ApartOption = Annotated[
    bool,
    typer.Option(
        "--apart", help="Give scores by unlike protocols columns of their own instead of refusing."
    ),
]
EXAMPLES = """
gantool compare runs/base-2026-01-31-1 runs/l2-2026-01-31-1 --out comparison.html
gantool compare runs/base-* runs/l2-* --metrics kid,fid --extractor inception --count 10000
gantool compare runs/base-* --markdown comparison.md
gantool compare runs/base-* runs/spectral-* --json
"""


@examples(EXAMPLES)
def compare(  # noqa: PLR0913  one argument an option
    runs: RunsArgument,
    *,
    out: OutOption = None,
    markdown: MarkdownOption = None,
    apart: ApartOption = False,
    metrics: MetricsOption = None,
    extractor: ExtractorOption = None,
    count: CountOption = None,
    seeds: SeedsOption = 1,
    device: DeviceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compare runs by what their folders hold, and say which did best.

    Shows what sets the recipes apart, scores, figures of the game, time, and a conclusion that
    follows from them by fixed rules. Scores are those of the recipes' metrics and of gantool
    evaluate; with --metrics, --extractor, --count or --seeds all runs are evaluated first, alike.
    """
    from gantool.evaluation.comparison.comparison import compare
    from gantool.reporting.console.messages import open_console, show_warnings
    from gantool.runs.folder import existing_folder

    folders, console = [existing_folder(run) for run in runs], open_console()
    if metrics or extractor or count or seeds > 1:
        how: dict[str, Any] = {"extractor": extractor, "count": count, "repetitions": seeds}
        how["metrics"] = separate(metrics)
        _evaluate_alike(folders, device, console, how, quiet=quiet)
    with show_warnings(console):
        comparison = compare(folders, apart=apart)
        present(comparison, out, markdown, as_json=as_json, quiet=quiet)


def _evaluate_alike(
    folders: Sequence[RunFolder],
    device: str | None,
    console: Console,
    how: dict[str, Any],
    *,
    quiet: bool,
) -> None:
    from gantool.evaluation.comparison.comparison import refuse_unlike
    from gantool.evaluation.sampling.trained import TrainedRun
    from gantool.evaluation.scoring.evaluating import evaluate_alike

    with scoring(console, quiet=quiet) as progress:
        refuse_unlike(folders)
        evaluate_alike([TrainedRun(each, device) for each in folders], **how, progress=progress)


def present(
    comparison: Comparison,
    page: Path | None,
    markdown: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write and print a comparison in every form that was asked for."""
    from gantool.files.disk import make_folder, write_durably
    from gantool.reporting.comparing.forms import as_data, as_markdown
    from gantool.reporting.comparing.page import write_comparison

    if page is not None:
        write_comparison(comparison, page)
    if markdown is not None:
        make_folder(markdown.parent)
        write_durably(markdown, as_markdown(comparison))
    if as_json:
        print_json(as_data(comparison))
    elif sys.stdout.isatty():
        from rich.console import Console

        from gantool.reporting.comparing.forms import show_comparison

        show_comparison(comparison, Console())
    else:
        print_records(_records(comparison))
    if not quiet:
        for path in filter(None, (page, markdown)):
            tell(f"written: {path}")


def _records(comparison: Comparison) -> Iterator[tuple[str, ...]]:
    """Yield group, figure and value, one record each; the conclusion belongs to no group."""
    from gantool.reporting.comparing.table import rows_of
    from gantool.reporting.comparing.wording import conclusion, game_in_words

    rows = rows_of(comparison)
    for place, group in enumerate(comparison.groups):
        for row in rows:
            yield group.name, row.label, row.cells[place]
        yield group.name, "in words", game_in_words(group)
    yield "", "conclusion", conclusion(comparison)
