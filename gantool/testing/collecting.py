"""The checks of installed plugins, each with an identifier of its own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unittest import SkipTest

from gantool.errors import MissingExtraError, PluginError, UsageError
from gantool.registry.catalog import installed
from gantool.testing.promises import COMPONENT, PLUGIN, Promise, checks_for
from gantool.testing.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gantool.interfaces.component import Component
    from gantool.registry.plugin import Plugin
    from gantool.testing.closed_forms import ClosedForm


@dataclass(frozen=True, repr=False)
class Check:
    """One promise of one component, or of a plugin as a whole; call it to check.

    Attributes:
        promise: What is promised.
        plugin: The plugin.
        component: The component's class; None where the promise is the plugin's.
        closed_form: What a test knows of the component's penalty.
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
    """Return the checks of plugins, all installed ones by default.

    Args:
        names: Names of plugins, of components as `plugin:name` or `plugin:kind/name`, or
            identifiers of checks.
        closed_forms: By a regularizer's name, or `plugin:name`.

    Raises:
        PluginError: When a plugin is not installed, or has nothing of the name.
        UsageError: When a closed form is of no regularizer among them that has a penalty.
    """
    plugins = _plugins(names)
    forms = dict(closed_forms or {})
    _refuse_unknown_forms(forms, plugins)
    checks = [check for plugin in plugins for check in _checks_of(plugin, forms)]
    for name in names:
        if not any(_is_meant(check, name) for check in checks):
            known = sorted({part for check in checks for part in _names_of(check)})
            plugin = name.partition(":")[0]
            raise PluginError(f"plugin '{plugin}' has no '{name}' to check", near(name, known))
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


def near(name: str, known: Iterable[str]) -> str | None:
    """Return a hint at the known names that look like one that is not known, if any do."""
    close = difflib.get_close_matches(name, list(known), n=3)
    return f"did you mean {' or '.join(repr(each) for each in close)}?" if close else None


def _plugins(names: Sequence[str]) -> list[Plugin]:
    found = installed().plugins
    known = {plugin.name for plugin in found}
    wanted = {name.partition(":")[0] for name in names}
    for name in wanted:
        if name not in known:
            hint = near(name, known) or f"installed: {', '.join(sorted(known)) or 'none'}"
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
            raise UsageError(message, near(name, known))
