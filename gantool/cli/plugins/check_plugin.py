"""`gantool check-plugin`: whether a plugin keeps what the interfaces promise."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Annotated

import typer

from gantool.cli.arguments import JsonOption, argument, examples, starting
from gantool.cli.output import print_json, print_listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gantool.testing import CheckResult

SAID = {"expected": "expected to fail"}
ENDINGS = ("passed", SAID["expected"], "skipped", "failed")


def complete_plugin(incomplete: str) -> list[str]:
    """Offer the names of installed plugins and, behind a colon, of their components."""
    from gantool.registry.catalog import installed

    if ":" in incomplete:
        return starting(incomplete, [offer.full_name for offer in installed().offers])
    return starting(incomplete, [plugin.name for plugin in installed().plugins])


@examples(
    "gantool check-plugin losses",
    "gantool check-plugin losses:hinge",
    "gantool check-plugin my-plugin --json",
)
def check_plugin(
    name: Annotated[
        str,
        argument(
            "NAME",
            "A plugin, one of its components (PLUGIN:NAME), or a check as it is printed.",
            complete_plugin,
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Check that a plugin keeps what the interfaces promise.

    Each of its components is built by its own example, and tried. Checks that fail for one reason
    are shown as one. Fails if a check fails, unless the component says so by expected_failures.
    """
    from gantool.testing import run_checks

    with _progress_shown() as report, redirect_stdout(sys.stderr):  # stdout is for the results
        results = run_checks(name, progress=report)
    if as_json:
        from dataclasses import asdict

        print_json([asdict(result) for result in results])
    else:
        shown = _of_one_cause(results)
        columns = ("check", "result", "failure")
        print_listing(columns, [_record(*each) for each in shown], [_row(*each) for each in shown])
    _summarize(results)
    if any(result.status == "failed" for result in results):
        raise typer.Exit(1)


def _of_one_cause(results: Sequence[CheckResult]) -> list[tuple[CheckResult, list[str]]]:
    """Return the results with the names of later checks that failed for the same reason."""
    same: dict[str, list[str]] = {}
    first: list[tuple[CheckResult, list[str]]] = []
    for result in results:
        owner, _, check = result.id.partition("::")
        cause = f"{owner} {result.cause}"
        if result.cause and cause in same:
            same[cause].append(check)
        else:
            first.append((result, same.setdefault(cause, []) if result.cause else []))
    return first


def _record(result: CheckResult, alike: Sequence[str]) -> tuple[str, str, str]:
    """Return what a check has found as a row of the listing, and which others found the same."""
    also = f"; so do {len(alike)} more: {', '.join(alike)}" if alike else ""
    return result.id, result.status, f"{result.message}{also}"


def _row(result: CheckResult, alike: Sequence[str]) -> tuple[str, str, str]:
    """Return the same as a person likes to read it: a failure with the promise that is broken."""
    why = result.message
    if result.status == "failed":
        why = f"{why}\nexpected: {result.promise}"
    if alike:
        why = f"{why}\nfor the same reason, {len(alike)} more fail: {', '.join(alike)}"
    return result.id, result.status, why


@contextmanager
def _progress_shown() -> Iterator[Callable[[int, int], None] | None]:
    """Show on a terminal how many checks are done; yield what is to be told."""
    from gantool.reporting.console.messages import is_live, open_console

    console = open_console()
    if not is_live(console):
        yield None
        return
    with console.status("checking") as status:
        yield lambda done, total: status.update(f"checking   {done} of {total}")


def _summarize(results: Sequence[CheckResult]) -> None:
    """Say on stderr how many checks there were, and how they ended."""
    from gantool.reporting.console.messages import open_console, say

    counts = Counter(SAID.get(result.status, result.status) for result in results)
    told = [f"{counts[status]} {status}" for status in ENDINGS if counts[status]]
    causes = {(result.id.partition("::")[0], result.cause) for result in results if result.cause}
    if 0 < len(causes) < counts["failed"]:
        told.append(f"of {len(causes)} cause{'s' if len(causes) > 1 else ''}")
    say(open_console(), f"{len(results)} checks: {', '.join(told)}")
