"""The one door to a plugin's code: what goes wrong behind it is told as the plugin's, by name.

A failure names component, plugin and hook, the plugin's own line, and the way out. Failures that
gantool raises on purpose pass through, and so do faults of the disk; those of a device's memory are
recognized by what caused the `PluginError`.
"""

from __future__ import annotations

import inspect
import os
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gantool.errors import GantoolError, PluginError
from gantool.files.disk import FAULTS
from gantool.interfaces.regularizer import Regularizer
from gantool.registry.plugin import said, working_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gantool.interfaces.component import Component
    from gantool.interfaces.dataset import ImageShape
    from gantool.registry.plugin import Plugin

LONGEST_REASON = 300
"""Characters of an exception's message that are shown; torch can say much more."""
LONGEST_VALUE = 40
OWN_PACKAGE = "gantool"


@dataclass(frozen=True)
class Owner:
    """The owner of a piece of code, in words: plain data that other processes can be sent."""

    title: str
    """Kind and name of the component, and its plugin's."""
    package: str
    """The package that its class is from."""
    way_out: str | None

    def failed(self, hook: str, error: BaseException) -> PluginError:
        """Return the error that says which hook failed, where and how."""
        reason = " ".join(said(error).split())
        cut = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}..."
        what = f"{type(error).__name__}: {cut}".removesuffix(": ")
        where = _place_of_failure(error, self.package)
        return PluginError(f"{self.title} failed in {hook}{where}: {what}", self.way_out)

    def misbehaved(
        self, hook: str, found: str, expected: str, function: object = None
    ) -> PluginError:
        """Return the error that says, in words, what a hook returned and what it should have."""
        where = _place_of(function, self.package)
        message = f"{self.title}: {hook}{where} returned {found}, expected {expected}"
        return PluginError(message, self.way_out)

    def has_made(self, thing: object) -> bool:
        """Whether the class of an object is from its package."""
        return _is_of(type(thing).__module__, self.package)

    def is_at_fault(self, error: BaseException) -> bool:
        """Whether an exception was raised in the code of its package itself."""
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        return bool(frames) and _is_of(frames[-1].f_globals.get("__name__"), self.package)


def owner_of(
    component: Component | type[Component], name: str | None = None, plugin: Plugin | None = None
) -> Owner:
    """Return the owner of a component: by default, the installed plugin that offers it.

    `name` is what messages call it, by default its own name.
    """
    own = component if isinstance(component, type) else type(component)
    plugin = plugin or plugin_of(own)
    by = "" if plugin is None else f" of plugin '{plugin.name}'"
    title = f"{own.kind} '{name or own.name}'{by}"
    return Owner(title, own.__module__.partition(".")[0], _way_out(plugin))


def call(component: Component, hook: str, *arguments: Any, name: str | None = None) -> Any:
    """Call a hook of a component and return what it returns, which is not looked at."""
    with calling(component, hook, name=name):
        return getattr(component, hook)(*arguments)


@contextmanager
def calling(
    component: Component | type[Component],
    hook: str,
    *,
    name: str | None = None,
    plugin: Plugin | None = None,
    may_raise: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Blame what fails inside on a component, as a `PluginError`.

    `hook` is a method's name, or words; `name` and `plugin` are as in `owner_of`. What the
    interface lets it raise, `may_raise`, passes through.
    """
    try:
        yield
    except (Exception, SystemExit) as error:  # a plugin may fail in any way
        if isinstance(error, may_raise) or passes(error):
            raise
        raise owner_of(component, name, plugin).failed(hook, error) from error


def misbehaved(
    component: Component, hook: str, found: str, expected: str, *, name: str | None = None
) -> PluginError:
    """Return the error that says what a component's hook returned, and what it should have."""
    function = getattr(component, hook, None)
    return owner_of(component, name).misbehaved(hook, found, expected, function)


def blamed(error: BaseException) -> PluginError | None:
    """Return the error that names the third party's plugin in whose code an exception arose.

    The last resort, where nobody knew that a plugin's code was being called. None where gantool's
    own code is nearer to the fault.
    """
    from gantool.registry.catalog import installed

    theirs = {
        plugin.module.partition(".")[0]: plugin
        for plugin in installed().plugins
        if not plugin.is_own
    }
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if plugin := theirs.get(package):
            owner = Owner(f"plugin '{plugin.name}'", package, _way_out(plugin))
            return owner.failed(frame.f_code.co_name, error)
        if package == OWN_PACKAGE:
            return None
    return None


def passes(error: BaseException) -> bool:
    """Whether an exception is told as it is, whoever raised it: gantool's own, and the disk's."""
    if isinstance(error, GantoolError):
        return True
    return isinstance(error, OSError) and error.errno in FAULTS


def described(value: object) -> str:
    """Return a value in words, for a message: "None", "a float (0.5)", "a tensor of shape [8]"."""
    if value is None:
        return "None"
    name = type(value).__name__
    one = f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        told = (str(value.dtype).removeprefix("torch."), str(getattr(value, "device", "")))
        return f"a tensor of shape {list(value.shape)} ({', '.join(filter(None, told))})"
    if isinstance(value, bool | int | float | str):
        text = repr(value)
        cut = text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."
        return f"{one} ({cut})"
    if isinstance(value, tuple | list):
        return f"{one} of {len(value)}"
    return one


def plugin_of(own: type[Component]) -> Plugin | None:
    """Return the installed plugin that offers a class, or one that it is made from."""
    from gantool.registry.catalog import installed

    for offer in installed().offers:
        if issubclass(own, offer.component) and offer.name == own.name:
            return offer.plugin
    return None


def _way_out(plugin: Plugin | None) -> str | None:
    if plugin is None:
        return None
    if plugin.is_own:
        return "please report it, with what --debug shows and the output of: gantool environment"
    return (
        f"gantool check-plugin {plugin.name} tries it by itself; "
        f"tell the authors of {plugin.distribution} {plugin.version}"
    )


def _place_of_failure(error: BaseException, package: str) -> str:
    """Return " (file:line)" of the innermost frame in a package's code; nothing if none is."""
    places = [
        f" ({_short(frame.f_code.co_filename)}:{line})"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _is_of(frame.f_globals.get("__name__"), package)
    ]
    return places[-1] if places else ""


def _place_of(function: object, package: str) -> str:
    """Return " (file:line)" where a function of a package is defined; nothing if it is no such."""
    plain = inspect.unwrap(function) if callable(function) else None
    code = getattr(plain, "__code__", None)
    if code is None or not _is_of(getattr(plain, "__module__", None), package):
        return ""
    return f" ({_short(code.co_filename)}:{code.co_firstlineno})"


def _is_of(module: str | None, package: str) -> bool:
    return module is not None and module.partition(".")[0] == package


def _short(file: str) -> str:
    here = working_folder()
    return file if here is None else file.removeprefix(here + os.sep)


def is_off(regularizer: Regularizer) -> bool:
    """Whether a regularizer is left out, its strength being 0."""
    return regularizer.strength is not None and not getattr(regularizer, regularizer.strength)


def refusal_of(
    regularizer: Regularizer, image: ImageShape, classes: int, latent_dim: int
) -> str | None:
    """Return why a regularizer that is on cannot be used for such images and latents, or None."""
    if is_off(regularizer):
        return None
    if regularizer.needs_labels and not classes:
        return "it needs labels: set conditional = true in [training]"
    if type(regularizer).check is Regularizer.check:
        return None
    try:
        regularizer.check(image, classes, latent_dim)
    except ValueError as error:
        return str(error)
    return None
