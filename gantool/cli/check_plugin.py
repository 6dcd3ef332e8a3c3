"""`gantool check-plugin`: whether a plugin keeps what the interfaces promise."""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.arguments import DebugOption, JsonOption
from gantool.cli.output import print_json, print_listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gantool.testing import CheckResult

EXAMPLES = """
gantool check-plugin losses
gantool check-plugin my-plugin --json
"""


def complete_plugin(incomplete: str) -> list[str]:
    """Offer the names of installed plugins."""
    from gantool.registry.catalog import installed

    names = [plugin.name for plugin in installed().plugins]
    return [name for name in names if name.startswith(incomplete)]


def check_plugin(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A plugin, as list-plugins names it.",
            autocompletion=complete_plugin,
            show_default=False,
        ),
    ],
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Check that a plugin keeps what the interfaces promise.

    Each of its components is built by its own example, and tried. Fails if a check fails.
    """
    from gantool.testing import run_checks

    with progress_shown() as report, redirect_stdout(sys.stderr):  # stdout is for the results
        results = run_checks(name, progress=report)
    if as_json:
        from dataclasses import asdict

        print_json([asdict(result) for result in results])
    else:
        print_listing(
            ("check", "result", "failure"), list(map(record, results)), list(map(row, results))
        )
    summarize(results)
    if any(result.status == "failed" for result in results):
        raise typer.Exit(1)


def record(result: CheckResult) -> tuple[str, str, str]:
    """Return what a check has found as a row of the listing."""
    return result.id, result.status, result.message


def row(result: CheckResult) -> tuple[str, str, str]:
    """Return the same as a person likes to read it: a failure with the promise that is broken."""
    failed = result.status == "failed"
    why = f"{result.message}\nexpected: {result.promise}" if failed else result.message
    return result.id, result.status, why


@contextmanager
def progress_shown() -> Iterator[Callable[[int, int], None] | None]:
    """Show on a terminal how many checks are done; yield what is to be told."""
    from gantool.reporting.streams import is_live, open_console

    console = open_console()
    if not is_live(console):
        yield None
        return
    with console.status("checking") as status:
        yield lambda done, total: status.update(f"checking   {done} of {total}")


def summarize(results: Sequence[CheckResult]) -> None:
    """Say on stderr how many checks there were, and how they ended."""
    from gantool.reporting.messages import say
    from gantool.reporting.streams import open_console

    states = [result.status for result in results]
    counts = {state: states.count(state) for state in ("passed", "failed", "skipped")}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    say(open_console(), f"{len(results)} checks: {told}")
