"""Promises, kind by kind: each is the docstring of the function that checks it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from gantool.errors import UsageError
from gantool.interfaces.component import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

PLUGIN = "plugin"
COMPONENT = "component"
GROUPS = (PLUGIN, COMPONENT, *KINDS)
"""What promises are about: a plugin as a whole, any component, or components of one kind."""
ROOMS = (
    "plugin_checks",
    "component_checks",
    "option_checks",
    "dataset_checks",
    "source_checks",
    "architecture_checks",
    "network_checks",
    "loss_checks",
    "regularizer_checks",
    "hook_checks",
    "transform_checks",
    "call_checks",
    "penalty_checks",
    "rank_checks",
    "gpu_checks",
    "metric_checks",
    "extractor_checks",
    "logger_checks",
)
"""The modules of this package that hold the checks, in the order in which they are made."""

CheckFunction = TypeVar("CheckFunction", bound="Callable[[Any], None]")

_promises: list[Promise] = []


@dataclass(frozen=True)
class Promise:
    """Something that every component of a kind does.

    Attributes:
        group: "plugin", "component" for those of every kind, or the kind.
        function: Checks it. It is given the plugin, or a `Subject`, and raises where the promise
            is broken.
        applies: Whether it concerns a component class, by what that class declares.
        needs_closed_form: Whether only a test that gives a closed form can check it.
    """

    group: str
    function: Callable[[Any], None]
    applies: Callable[[type[Any]], bool]
    needs_closed_form: bool = False

    @property
    def name(self) -> str:
        """The function's name, the last part of each check's identifier."""
        return self.function.__name__

    @property
    def text(self) -> str:
        """The promise in one sentence."""
        return " ".join((inspect.getdoc(self.function) or "").split())


def _always(component: type[Any]) -> bool:
    del component
    return True


def promise(
    group: str,
    *,
    when: Callable[[type[Any]], bool] = _always,
    needs_closed_form: bool = False,
) -> Callable[[CheckFunction], CheckFunction]:
    """Register a function as the check of a promise, which its docstring states.

    Args:
        group: "plugin", "component", or a kind.
        when: Which component classes it concerns.
        needs_closed_form: Whether only a test that gives a closed form can check it.
    """

    def register(function: CheckFunction) -> CheckFunction:
        _promises.append(Promise(group, function, when, needs_closed_form))
        return function

    return register


def checks_for(group: str) -> tuple[Promise, ...]:
    """Return what is promised of a kind, of any "component", or of a "plugin" as a whole.

    Raises:
        UsageError: When the kind is unknown.
    """
    if group not in GROUPS:
        raise UsageError(f"no checks for '{group}'", f"one of: {', '.join(GROUPS)}")
    return tuple(promise for promise in _all() if promise.group == group)


@cache
def _all() -> tuple[Promise, ...]:
    """Import every check and return the promises in the order of the modules."""
    for room in ROOMS:
        import_module(f"gantool.testing.{room}")
    rooms = [f"gantool.testing.{room}" for room in ROOMS]
    return tuple(sorted(_promises, key=lambda each: rooms.index(each.function.__module__)))
