from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gantool.registry.catalog import installed

Plant = Callable[..., Path]

COMPONENTS = '''
from gantool import Component, Loss, hookimpl


class {title}(Loss):
    """A loss of a healthy plugin."""

    name = "{name}"

    def discriminator(self, real, fake):
        return fake - real

    def generator(self, fake, real):
        return -fake


@hookimpl
def gantool_components():
    return [{title}]
'''


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plant]:
    """Return what puts an installed package on the import path; by default its plugin is healthy.

    Its loss has the plugin's name, unless it `offers` another one.
    """
    modules = set(sys.modules)

    def add(
        name: str,
        source: str | None = None,
        *,
        offers: str | None = None,
        package: str | None = None,
        requires: tuple[str, ...] = (),
        entry_points: str | None = None,
    ) -> Path:
        offered = offers or name
        title = offered.title().replace("-", "")
        source = source or COMPONENTS.format(name=offered, title=title)
        package = package or f"gantool-{name}"
        module = package.replace("-", "_")
        site = tmp_path / package
        about = site / f"{module}-0.3.dist-info"
        about.mkdir(parents=True)
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        lines = [
            f"Name: {package}",
            "Version: 0.3",
            *(f"Requires-Dist: {each}" for each in requires),
        ]
        (about / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        entry_points = entry_points or f"[gantool.plugins]\n{name} = {module}\n"
        (about / "entry_points.txt").write_text(entry_points, encoding="utf-8")
        monkeypatch.syspath_prepend(site)
        installed.cache_clear()
        return site

    yield add
    installed.cache_clear()
    for name in set(sys.modules) - modules:
        if name.startswith("gantool_"):
            del sys.modules[name]
