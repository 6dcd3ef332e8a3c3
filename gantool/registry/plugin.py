"""An installed plugin, its package, and what protects the process around its code."""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from threading import Timer
from typing import TYPE_CHECKING

from gantool.errors import PluginError
from gantool.version import INTERFACE_VERSION, OLDEST_INTERFACE, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import Distribution

    from packaging.requirements import Requirement

    from gantool.interfaces.component import Component

NAME = re.compile(r"[a-z][a-z0-9-]*")
"""The names that plugins and components may have."""


@dataclass(frozen=True)
class Plugin:
    """An installed plugin: an entry point's name and module, and the package that brought it.

    What it offers is empty when it is broken. `failure` says why it could not be loaded, `remark`
    what it should not do and yet does not keep it from being used.
    """

    name: str
    module: str
    distribution: str
    version: str
    components: tuple[type[Component], ...] = ()
    failure: str | None = None
    remark: str | None = None
    interface: int = INTERFACE_VERSION

    @property
    def is_own(self) -> bool:
        """Whether it comes along with gantool."""
        return self.distribution == OWN_DISTRIBUTION


OWN_DISTRIBUTION = "gantool"
UNKNOWN = "unknown"
STATEMENT = "gantool_interface"
"""By what a plugin's package states the interface version that it is written for."""
ON_GANTOOL = re.compile(r"gantool(?![\w.-])", re.IGNORECASE)
"""The beginning of a requirement of gantool itself, not of a package whose name goes on."""


@dataclass(frozen=True)
class Package:
    """An installed package, as its metadata say it."""

    name: str = UNKNOWN
    version: str = UNKNOWN
    requires: tuple[str, ...] = ()

    def misfit(self) -> str | None:
        """Return the reason why the package is not made for this gantool, or None.

        A requirement that no tool understands counts as none.
        """
        on_gantool = tuple(line for line in self.requires if ON_GANTOOL.match(line))
        for requirement in _applicable(on_gantool):
            if not fits(requirement, VERSION):
                return f"it requires {requirement}, found {OWN_DISTRIBUTION} {VERSION}"
        return None

    def missing(self) -> list[str]:
        """Return the requirements that are not installed, or only in another version."""
        return [str(each) for each in _applicable(self.requires) if not _is_installed(each)]


def package_of(distribution: Distribution | None) -> Package:
    """Read the metadata of an installed package; what they do not say is unknown."""
    try:
        metadata = None if distribution is None else distribution.metadata
        if metadata is None:  # a folder of metadata without the file itself
            return Package()
        return Package(
            str(metadata["Name"] or UNKNOWN),
            str(metadata["Version"] or UNKNOWN),
            tuple(metadata.get_all("Requires-Dist") or ()),
        )
    except Exception:  # unreadable metadata keep nobody from using the plugin
        return Package()


def _applicable(lines: tuple[str, ...]) -> Iterator[Requirement]:
    """Yield the requirements that hold on this machine, extras aside."""
    if not lines:
        return
    from packaging.requirements import InvalidRequirement, Requirement

    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def _is_installed(requirement: Requirement) -> bool:
    try:
        return fits(requirement, version(requirement.name))
    except PackageNotFoundError:
        return False


def fits(requirement: Requirement, found: str) -> bool:
    """Whether a version satisfies a requirement; one of no known form satisfies no bound."""
    from packaging.version import InvalidVersion

    try:
        return requirement.specifier.contains(found, prereleases=True)
    except InvalidVersion:
        return not requirement.specifier


def stated_interface(module: str) -> int:
    """Return the interface version that a plugin's package states, without running its module.

    1 where it states none, as packages written for gantool 0.1 do, or cannot be imported.
    """
    try:
        package = import_module(module.partition(":")[0].strip().partition(".")[0])
    except ImportError:  # loading the module will tell
        return 1
    stated = getattr(package, STATEMENT, 1)
    if not isinstance(stated, int) or isinstance(stated, bool):
        raise PluginError(f"its {STATEMENT} is {stated!r}", "expected a whole number")
    return stated


def refuse_other_interface(plugin: Plugin) -> None:
    """Refuse a plugin for interfaces that this gantool has not yet, or no longer."""
    written = f"it is written for interface {plugin.interface}"
    if plugin.interface > INTERFACE_VERSION:
        raise PluginError(
            f"{written}, gantool {VERSION} has {INTERFACE_VERSION}",
            f"pip install --upgrade {OWN_DISTRIBUTION}",
        )
    if plugin.interface < OLDEST_INTERFACE:
        raise PluginError(
            f"{written}, gantool {VERSION} supports none before {OLDEST_INTERFACE}",
            f"pip install --upgrade {plugin.distribution}",
        )


DISABLED = "GANTOOL_DISABLE_PLUGINS"
"""The environment variable that names plugins to leave out."""
SLOW_SECONDS = 5.0
"""After which a person is told which plugin is being imported."""


@contextmanager
def named_if_slow(name: str) -> Iterator[None]:
    """Say on stderr which plugin is being imported, if that takes long: it may never end."""

    def tell() -> None:
        print(
            f"gantool: plugin '{name}' is still being imported after {SLOW_SECONDS:.0f} s; "
            f"to do without it: {DISABLED}={name}",
            file=sys.stderr,
            flush=True,
        )

    timer = Timer(SLOW_SECONDS, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def working_folder_kept() -> Iterator[None]:
    """Come back to the working folder: a run's paths may be relative to it."""
    before = working_folder()
    try:
        yield
    finally:
        if before is not None and working_folder() != before:
            with suppress(OSError):  # it was removed, too
                os.chdir(before)


def working_folder() -> str | None:
    """Return this process's working folder; None where that is gone."""
    try:
        return os.getcwd()
    except OSError:
        return None


def said(error: BaseException) -> str:
    """Return an exception's message; even that may fail."""
    try:
        return str(error)
    except Exception:
        return "(no message)"
