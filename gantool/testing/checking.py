"""The checks of installed plugins: collected, made, and handed to pytest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal
from unittest import SkipTest

from gantool.errors import MissingExtraError, PluginError, UsageError
from gantool.registry.catalog import installed
from gantool.testing.promises import (
    COMPONENT,
    PLUGIN,
    BrokenPromise,
    Promise,
    Subject,
    cause_of,
    checks_for,
    place_in,
    root_of,
)
from gantool.text import guess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pytest

    from gantool.interfaces.component import Component
    from gantool.registry.plugin import Plugin
    from gantool.testing.promises import ClosedForm

Status = Literal["passed", "failed", "expected", "skipped"]


@dataclass(frozen=True, repr=False)
class Check:
    """One promise of one component, or of a plugin as a whole; call it to check.

    Attributes:
        promise: What is promised.
        plugin: The plugin.
        component: The component's class; None where the promise is the plugin's.
        closed_form: The component's penalty on paper, where a test gives it.
    """

    promise: Promise
    plugin: Plugin
    component: type[Component] | None = None
    closed_form: ClosedForm | None = None

    @property
    def id(self) -> str:
        """`plugin:kind/name::check`, or `plugin::check`."""
        component = self.component
        owner = "" if component is None else f":{component.kind}/{component.name}"
        return f"{self.plugin.name}{owner}::{self.promise.name}"

    @property
    def package(self) -> str:
        """The top-level package that holds what is checked."""
        module = self.plugin.module if self.component is None else self.component.__module__
        return module.partition(".")[0]

    @property
    def expected_failure(self) -> str | None:
        """Why the component says that it fails, or None."""
        said: object = None if self.component is None else self.component.expected_failures
        return said.get(self.promise.name) if isinstance(said, Mapping) else None

    def __repr__(self) -> str:
        return f"<Check {self.id}>"

    def __call__(self) -> None:
        """Check the promise.

        Raises:
            AssertionError: When it is broken. Whatever else is raised means so too.
            SkipTest: When it cannot be checked here.
        """
        __tracebackhide__ = True
        if self.component is None:
            self.promise.function(self.plugin)
            return
        with TemporaryDirectory(prefix="gantool-check-", ignore_cleanup_errors=True) as scratch:
            subject = Subject(self.component, self.plugin, Path(scratch), self.closed_form)
            try:
                self.promise.function(subject)
            except MissingExtraError as error:
                raise SkipTest(str(error)) from error


def collect(
    names: Sequence[str] = (), closed_forms: Mapping[str, ClosedForm] | None = None
) -> list[Check]:
    """Return the checks of plugins, all installed ones by default."""
    plugins = _plugins(names)
    forms = dict(closed_forms or {})
    _refuse_unknown_forms(forms, plugins)
    checks = [check for plugin in plugins for check in _checks_of(plugin, forms)]
    for name in names:
        if not any(_is_meant(check, name) for check in checks):
            known = sorted({part for check in checks for part in _names_of(check)})
            plugin = name.partition(":")[0]
            raise PluginError(
                f"plugin '{plugin}' has no '{name}' to check", guess(name, known, most=3)
            )
    return [c for c in checks if not names or any(_is_meant(c, name) for name in names)]


def _names_of(check: Check) -> set[str]:
    """Return every name that a check is selected by."""
    names, component = {check.plugin.name, check.id}, check.component
    if component is not None:
        names.add(f"{check.plugin.name}:{component.name}")
        names.add(f"{check.plugin.name}:{component.kind}/{component.name}")
    return names


def _is_meant(check: Check, name: str) -> bool:
    return name in _names_of(check)


def _plugins(names: Sequence[str]) -> list[Plugin]:
    found = installed().plugins
    known = {plugin.name for plugin in found}
    wanted = {name.partition(":")[0] for name in names}
    for name in wanted:
        if name not in known:
            hint = guess(name, known, most=3) or f"installed: {', '.join(sorted(known)) or 'none'}"
            raise PluginError(f"plugin '{name}' is not installed", hint)
    return [plugin for plugin in found if not names or plugin.name in wanted]


def _checks_of(plugin: Plugin, forms: Mapping[str, ClosedForm]) -> Iterator[Check]:
    yield from (Check(promise, plugin) for promise in checks_for(PLUGIN))
    for component in plugin.components:
        form = forms.get(f"{plugin.name}:{component.name}", forms.get(component.name))
        for promise in (*checks_for(COMPONENT), *checks_for(component.kind)):
            possible = form is not None or not promise.needs_closed_form
            if possible and promise.applies(component):
                yield Check(promise, plugin, component, form)


def _refuse_unknown_forms(forms: Mapping[str, ClosedForm], plugins: Sequence[Plugin]) -> None:
    known = {
        name
        for plugin in plugins
        for component in plugin.components
        for name in (component.name, f"{plugin.name}:{component.name}")
        if any(p.needs_closed_form and p.applies(component) for p in checks_for(component.kind))
    }
    for name in forms:
        if name not in known:
            message = f"closed form of '{name}', which is no regularizer with a penalty here"
            raise UsageError(message, guess(name, known, most=3))


@dataclass(frozen=True)
class CheckResult:
    """The result of a check.

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
    """Make one check, and compare its result with what the component expects."""
    found, reason = _made(check), check.expected_failure
    if reason is None or found.status == "skipped":
        return found
    if found.status == "failed":
        return replace(found, status="expected", message=f"{reason}: {found.message}", cause="")
    message = f"it passes, and `expected_failures` says that it cannot: {reason}"
    return replace(found, status="failed", message=message, cause=message)


def _as_raised(error: BaseException) -> BaseException:
    """Return the plugin's own error: here it is plain whose code is checked."""
    is_told = isinstance(error, PluginError) and error.__cause__ is not None
    return error.__cause__ or error if is_told else error


def _made(check: Check) -> CheckResult:
    """Make one check and return its result."""
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


def parametrize_with_checks(
    *plugins: str,
    expected_failures: Mapping[str, str] | None = None,
    closed_forms: Mapping[str, ClosedForm] | None = None,
) -> pytest.MarkDecorator:
    """Make a pytest test of every promise of plugins.

    The test has one argument, `check`, and calls it.

    Args:
        *plugins: Names of plugins, or of components (`plugin:name`); all installed plugins by
            default.
        expected_failures: Reasons why checks cannot pass, by their identifiers, in addition to
            `Component.expected_failures`. Such a check has to fail: passing is an error.
        closed_forms: For names of regularizers, the value of their penalty in a `QuadraticGame`.

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

    marks = {id_: [pytest.mark.xfail(reason=why, strict=True)] for id_, why in failures.items()}
    parameters = [pytest.param(c, id=c.id, marks=marks.get(c.id, [])) for c in checks]
    return pytest.mark.parametrize("check", parameters)


def _refuse_unknown(failures: Mapping[str, str], checks: Sequence[Check]) -> None:
    known = [check.id for check in checks]
    for identifier in failures:
        if identifier not in known:
            message = f"expected failure of '{identifier}', which is none of the checks"
            raise UsageError(message, guess(identifier, known, most=3))
