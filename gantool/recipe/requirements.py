"""Check that the packages a recipe requires are installed, and their plugins loaded."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from gantool.registry.catalog import not_loaded

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from gantool.recipe.entries import Entry
    from gantool.recipe.problems import Problems
    from gantool.registry.catalog import Catalog


def check_requirements(requires: Entry | None, catalog: Catalog, problems: Problems) -> None:
    """Name each entry of `requires` that is not installed in a version it allows, or is broken."""
    if requires is None:
        return
    for entry in requires.elements:
        if isinstance(entry.value, str):
            _check(entry, catalog, problems)


def _check(entry: Entry, catalog: Catalog, problems: Problems) -> None:
    from packaging.requirements import InvalidRequirement, Requirement

    place, path = entry.origin.value, entry.origin.path
    try:
        requirement = Requirement(entry.value)
    except InvalidRequirement:
        message = f"expected a package and its version, got {entry.value!r}"
        problems.add(message, place, path, "as in 'gantool-wgan-gp>=0.1'")
        return
    if requirement.marker is not None and not requirement.marker.evaluate():
        return
    if fault := _fault(requirement):
        problems.add(fault, place, path, f"pip install '{requirement}'")
    elif broken := _broken(requirement, catalog):
        problems.add(f"this recipe requires {requirement}", place, path, broken)


def _fault(requirement: Requirement) -> str | None:
    """Return why an installed package does not do, or None."""
    from packaging.version import InvalidVersion

    try:
        found = version(requirement.name)
    except PackageNotFoundError:
        return f"this recipe requires {requirement}, which is not installed"
    try:
        fits = requirement.specifier.contains(found, prereleases=True)
    except InvalidVersion:
        fits = False
    return None if fits else f"this recipe requires {requirement}, found {found}"


def _broken(requirement: Requirement, catalog: Catalog) -> str | None:
    """Return which plugin of an installed package could not be loaded, and why; or None."""
    from packaging.utils import canonicalize_name

    wanted = canonicalize_name(requirement.name)
    for plugin in catalog.plugins:
        if plugin.failure and canonicalize_name(plugin.distribution) == wanted:
            return not_loaded(plugin)
    return None
