"""Checks as the tests of a plugin's own package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gantool.errors import MissingExtraError, UsageError
from gantool.testing.collecting import Check, collect, near

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from gantool.testing.closed_forms import ClosedForm


def parametrize_with_checks(
    *plugins: str,
    expected_failures: Mapping[str, str] | None = None,
    closed_forms: Mapping[str, ClosedForm] | None = None,
) -> pytest.MarkDecorator:
    """Make a pytest test of every promise that plugins give.

    The test has one argument, `check`, and calls it.

    Args:
        *plugins: Names of plugins, or of components (`plugin:name`); all installed plugins by
            default.
        expected_failures: For identifiers of checks, why these cannot pass, beside what components
            say by `Component.expected_failures`. Such a check has to fail: once it passes, the
            exemption is an error.
        closed_forms: For names of regularizers, the value of their penalty in a `LinearGame`.

    Raises:
        PluginError: When a plugin is not installed.
        UsageError: When an identifier or a regularizer is unknown.
        MissingExtraError: When pytest is not installed.
    """
    try:
        import pytest
    except ImportError as error:
        message = "pytest is not installed, and parametrize_with_checks makes tests of it"
        raise MissingExtraError(message, "pip install pytest") from error
    checks = collect(plugins, closed_forms)
    said = {check.id: check.expected_failure for check in checks if check.expected_failure}
    failures = {**said, **(expected_failures or {})}
    _refuse_unknown(failures, checks)

    parameters = [
        pytest.param(
            check,
            id=check.id,
            marks=[pytest.mark.xfail(reason=failures[check.id], strict=True)]
            if check.id in failures
            else [],
        )
        for check in checks
    ]
    return pytest.mark.parametrize("check", parameters)


def _refuse_unknown(failures: Mapping[str, str], checks: Sequence[Check]) -> None:
    known = [check.id for check in checks]
    for identifier in failures:
        if identifier not in known:
            message = f"expected failure of '{identifier}', which is none of the checks"
            raise UsageError(message, near(identifier, known))
