"""Checks without a test framework, for `gantool check-plugin`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from unittest import SkipTest

from gantool.testing.claims import BrokenPromise
from gantool.testing.collecting import Check, collect

if TYPE_CHECKING:
    from collections.abc import Callable

Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class CheckResult:
    """What a check has found.

    Attributes:
        id: `plugin:kind/name::check`, or `plugin::check`.
        promise: What is promised, in one sentence.
        status: "passed", "failed", or "skipped" where it cannot be checked here.
        message: Why it failed or was skipped; empty where it passed.
    """

    id: str
    promise: str
    status: Status
    message: str = ""


def run_checks(
    *plugins: str, progress: Callable[[int, int], None] | None = None
) -> list[CheckResult]:
    """Check plugins, all installed ones by default, and return what was found.

    Args:
        *plugins: Names of plugins.
        progress: Is told, after each check, how many of how many are done.

    Raises:
        PluginError: When a plugin is not installed.
    """
    checks = collect(plugins)
    results = []
    for number, check in enumerate(checks, start=1):
        results.append(run_check(check))
        if progress is not None:
            progress(number, len(checks))
    return results


def run_check(check: Check) -> CheckResult:
    """Make one check and return what was found."""
    promise = check.promise.text
    try:
        check()
    except SkipTest as skip:
        return CheckResult(check.id, promise, "skipped", str(skip))
    except BrokenPromise as broken:
        return CheckResult(check.id, promise, "failed", str(broken))
    except (Exception, SystemExit) as error:  # a plugin may fail in any way
        message = f"{type(error).__name__}: {error}"
        return CheckResult(check.id, promise, "failed", message)
    return CheckResult(check.id, promise, "passed")
