"""Promises of every component about its name, its documentation and its example."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gantool.interfaces.component import KINDS, Component
from gantool.registry.plugin import NAME
from gantool.testing.claims import BrokenPromise, require
from gantool.testing.promises import checks_for, promise
from gantool.testing.subject import with_options

if TYPE_CHECKING:
    from gantool.testing.subject import Subject

LONGEST_SUMMARY = 100
"""Characters of a summary that still fits a line of a listing."""


@promise("component")
def has_a_name_for_recipes(subject: Subject[Component]) -> None:
    """Its name is lower-case letters, digits and dashes, and not the name of a kind."""
    name = subject.component.name
    require(NAME.fullmatch(name) is not None, f"{name!r} is no lower-case name with dashes")
    require(name not in KINDS, f"'{name}' is the name of a kind")


@promise("component")
def says_what_it_is_in_one_line(subject: Subject[Component]) -> None:
    """Its own docstring begins with one sentence on one line, and then ends or leaves a line."""
    lines = inspect.cleandoc(subject.component.__doc__ or "").split("\n")
    summary = lines[0]
    require(bool(summary), f"class {subject.component.__name__} has no docstring of its own")
    require(summary.endswith("."), f"the first line is no whole sentence: {summary!r}")
    size = len(summary)
    require(size <= LONGEST_SUMMARY, f"the first line has {size} characters: {summary!r}")
    require(not any(lines[1:2]), f"the first line goes on in the second: {lines[1:2]}")


@promise("component")
def makes_an_example(subject: Subject[Component]) -> None:
    """Its `example` is an instance of it, and its options, written down, make an equal one."""
    example = subject.example()
    found = type(example).__name__
    require(isinstance(example, subject.component), f"`example` returned a {found}")
    again = with_options(example)
    require(again == example, f"read back, the example {example!r} is {again!r}")


@promise("component")
def cannot_be_changed(subject: Subject[Component]) -> None:
    """Its options cannot be changed once it is made: what changes lives in modules."""
    example = subject.example()
    for name in [*type(example).model_fields, "anything"]:
        try:
            setattr(example, name, getattr(example, name, None))
        except (ValueError, AttributeError, TypeError):
            continue
        require(False, f"its attribute '{name}' can be set")


@promise("component")
def excuses_known_checks(subject: Subject[Component]) -> None:
    """Its `expected_failures` are names of checks, each with a reason why it cannot pass."""
    component = subject.component
    known = {each.name for each in (*checks_for("component"), *checks_for(component.kind))}
    said: object = component.expected_failures
    if not isinstance(said, Mapping):
        raise BrokenPromise(f"`expected_failures` is {said!r}, not reasons by the names of checks")
    for name, reason in said.items():
        require(name in known, f"`expected_failures` names {name!r}, which is no check of it")
        given = isinstance(reason, str) and bool(reason.strip())
        require(given, f"`expected_failures` gives no reason for '{name}'")
