"""Make one check on one component, as the plugin of a third party would have it made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gantool.registry.plugin import Plugin
from gantool.testing import Check, CheckResult, ClosedForm, checks_for
from gantool.testing.checking import run_check

if TYPE_CHECKING:
    from gantool import Component

IMPORTABLE = Path(__file__).parent / "importable"

Try = Callable[..., CheckResult]


@pytest.fixture
def plugin() -> Callable[..., Plugin]:
    """Make a plugin of components; its module is `json` unless another one is named."""

    def make(*components: type[Component], module: str = "json") -> Plugin:
        return Plugin("tried", module, "gantool-tried", "1.0", components)

    return make


@pytest.fixture
def try_check(plugin: Callable[..., Plugin]) -> Try:
    """Make one check on a component."""

    def make(
        name: str, component: type[Component], closed_form: ClosedForm | None = None
    ) -> CheckResult:
        promises = (*checks_for("component"), *checks_for(component.kind))
        (promise,) = [promise for promise in promises if promise.name == name]
        assert promise.applies(component), f"{name} is not for {component.__name__}"
        return run_check(Check(promise, plugin(component), component, closed_form))

    return make


@pytest.fixture
def try_every_check(plugin: Callable[..., Plugin]) -> Callable[..., list[CheckResult]]:
    """Make every check that concerns a component."""

    def make(
        component: type[Component], closed_form: ClosedForm | None = None
    ) -> list[CheckResult]:
        return [
            run_check(Check(promise, plugin(component), component, closed_form))
            for promise in (*checks_for("component"), *checks_for(component.kind))
            if promise.applies(component) and (closed_form or not promise.needs_closed_form)
        ]

    return make


@pytest.fixture
def names_of() -> Callable[[str], set[str]]:
    """Return the names of the checks of a group."""
    return lambda group: {promise.name for promise in checks_for(group)}


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let fresh processes import the modules of a folder."""
    monkeypatch.syspath_prepend(IMPORTABLE)
    return IMPORTABLE
