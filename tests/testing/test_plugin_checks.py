"""Each check of plugins as a whole, seen failing on one that breaks its promise."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gantool import Regularizer
from gantool.registry.plugin import Plugin
from gantool.testing import Check, CheckResult, checks_for
from gantool.testing.checking import run_check

if TYPE_CHECKING:
    from gantool import Component

pytestmark = pytest.mark.usefixtures("importable")

Make = Callable[..., Plugin]


class One(Regularizer):
    """A regularizer."""

    name = "one"


class OneMore(Regularizer):
    """Another of the same name."""

    name = "one"


class Other(Regularizer):
    """A regularizer of another name."""

    name = "other"


BROKEN: list[tuple[str, tuple[type[Component], ...], str, str]] = [
    ("loads", (), "quiet_plugin", "the hook of quiet_plugin offers no component"),
    ("names_its_components_apart", (One, OneMore), "quiet_plugin", "once: regularizer/one$"),
    ("leaves_torch_unimported", (One,), "heavy_plugin", "importing heavy_plugin imports torch"),
    (
        "states_its_interface_in_its_package",
        (One,),
        "late_plugin.plugin",
        "late_plugin.plugin: move it to late_plugin/__init__.py",
    ),
    ("prints_nothing_at_import", (One,), "talking_plugin", r"talking_plugin prints 'hello\\n'"),
]


def try_plugin(name: str, plugin: Plugin) -> CheckResult:
    (promise,) = [promise for promise in checks_for("plugin") if promise.name == name]
    return run_check(Check(promise, plugin))


@pytest.mark.parametrize(("name", "components", "module", "finding"), BROKEN)
def test_broken_promise_is_found(
    plugin: Make, name: str, components: tuple[type[Component], ...], module: str, finding: str
) -> None:
    result = try_plugin(name, plugin(*components, module=module))
    assert result.id == f"tried::{name}"
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


def test_plugin_that_could_not_be_loaded_says_why(plugin: Make) -> None:
    broken = replace(plugin(), failure="ImportError: no module named 'nowhere'")
    assert try_plugin("loads", broken).message == "ImportError: no module named 'nowhere'"


def test_every_check_is_seen_failing(names_of: Callable[[str], set[str]]) -> None:
    assert {name for name, *_ in BROKEN} == names_of("plugin")


def test_sound_plugin_passes(plugin: Make, names_of: Callable[[str], set[str]]) -> None:
    sound = plugin(One, Other, module="quiet_plugin")
    results = [try_plugin(name, sound) for name in sorted(names_of("plugin"))]
    assert results
    assert [result for result in results if result.status != "passed"] == []
