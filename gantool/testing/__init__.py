"""Contract checks: whether plugins keep what the interfaces promise.

Three lines in a plugin's own tests check everything:

    @parametrize_with_checks("my-plugin")
    def test_contract(check):
        check()

`gantool check-plugin my-plugin` makes the same checks without pytest.
"""

from __future__ import annotations

from gantool.testing.checking import Check, CheckResult, parametrize_with_checks, run_checks
from gantool.testing.promises import BrokenPromise, ClosedForm, Promise, QuadraticGame, checks_for

__all__ = [
    "BrokenPromise",
    "Check",
    "CheckResult",
    "ClosedForm",
    "Promise",
    "QuadraticGame",
    "checks_for",
    "parametrize_with_checks",
    "run_checks",
]
