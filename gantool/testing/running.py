"""Checks without a test framework, for `gantool check-plugin`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from unittest import SkipTest

from gantool.errors import PluginError
from gantool.testing.causes import cause_of, place_in, root_of
from gantool.testing.claims import BrokenPromise
from gantool.testing.collecting import Check, collect

if TYPE_CHECKING:
    from collections.abc import Callable

Status = Literal["passed", "failed", "expected", "skipped"]


@dataclass(frozen=True)
class CheckResult:
    """What a check has found.

    Attributes:
        id: `plugin:kind/name::check`, or `plugin::check`.
        promise: What is promised, in one sentence.
        status: "passed", "failed", "expected" where the component says that it fails and why, or
            "skipped" where it cannot be checked here.
        message: Why it failed or was skipped; empty where it passed.
        cause: The same for all checks that failed for one reason; else empty.
    """

    id: str
    promise: str
    status: Status
    message: str = ""
    cause: str = ""


def run_checks(
    *plugins: str, progress: Callable[[int, int], None] | None = None
) -> list[CheckResult]:
    """Check plugins, all installed ones by default, and return what was found.

    Args:
        *plugins: Names of plugins, of components (`plugin:name`), or identifiers of checks.
        progress: Is told, after each check, how many of how many are done.

    Raises:
        PluginError: When a plugin is not installed, or offers no such component.
    """
    checks = collect(plugins)
    results = []
    for number, check in enumerate(checks, start=1):
        results.append(run_check(check))
        if progress is not None:
            progress(number, len(checks))
    return results


def run_check(check: Check) -> CheckResult:
    """Make one check and return what was found, beside what the component said of it."""
    found, reason = _made(check), check.expected_failure
    if reason is None or found.status == "skipped":
        return found
    if found.status == "failed":
        return replace(found, status="expected", message=f"{reason}: {found.message}", cause="")
    message = f"it passes, and `expected_failures` says that it cannot: {reason}"
    return replace(found, status="failed", message=message, cause=message)


def _as_raised(error: BaseException) -> BaseException:
    """Return what a plugin's code has raised: who is checked need not be told whose code it is."""
    is_told = isinstance(error, PluginError) and error.__cause__ is not None
    return error.__cause__ or error if is_told else error


def _made(check: Check) -> CheckResult:
    """Make one check and return what was found."""
    promise = check.promise.text
    try:
        check()
    except SkipTest as skip:
        return CheckResult(check.id, promise, "skipped", str(skip))
    except (Exception, SystemExit) as raised:  # a plugin may fail in any way
        error = _as_raised(raised)
        cause, place = cause_of(error, check.package), place_in(check.package, root_of(error))
        where = "" if place is None or isinstance(error, BrokenPromise) else f" ({place})"
        kind = "" if isinstance(error, BrokenPromise) else f"{type(error).__name__}: "
        told = error.message if isinstance(error, PluginError) else error  # its hint leads here
        return CheckResult(check.id, promise, "failed", f"{kind}{told}{where}", cause)
    return CheckResult(check.id, promise, "passed")
