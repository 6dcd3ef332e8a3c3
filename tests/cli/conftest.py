from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from gantool.cli.app import main
from gantool.registry.catalog import installed


@dataclass(frozen=True)
class Outcome:
    code: int
    stdout: str
    stderr: str

    @property
    def records(self) -> list[list[str]]:
        return [line.split("\t") for line in self.stdout.splitlines()]


Gantool = Callable[..., Outcome]
Install = Callable[..., None]
Terminal = Callable[[int], None]


@pytest.fixture
def gantool(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Gantool]:
    """Return what runs a command in this process, in an empty working folder."""
    working = tmp_path / "working"
    working.mkdir()
    monkeypatch.chdir(working)

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        try:
            code: object = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        assert isinstance(code, int)
        return Outcome(code, *capsys.readouterr())

    yield run
    logging.getLogger("gantool").setLevel(logging.NOTSET)  # as it was before --debug


@pytest.fixture
def on_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Return what makes stdout a terminal of some width."""
    del capsys  # stdout is the captured one

    def become(columns: int) -> None:
        for variable in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    return become


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return what installs a package with one plugin, for this test."""

    def add(name: str, source: str) -> None:
        site = tmp_path / f"site-{name}"
        module = f"gantool_{name.replace('-', '_')}"
        about = site / f"{module}-1.2.dist-info"
        about.mkdir(parents=True)
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        (about / "METADATA").write_text(f"Name: gantool-{name}\nVersion: 1.2\n", encoding="utf-8")
        entry = f"[gantool.plugins]\n{name} = {module}\n"
        (about / "entry_points.txt").write_text(entry, encoding="utf-8")
        monkeypatch.syspath_prepend(site)
        installed.cache_clear()

    yield add
    installed.cache_clear()
    for name in [name for name in sys.modules if name.startswith("gantool_third")]:
        del sys.modules[name]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Write 12 pictures, in two class folders."""
    folder = tmp_path / "pictures"
    for number in range(12):
        place = folder / ("dusk" if number % 2 else "dawn")
        place.mkdir(parents=True, exist_ok=True)
        color = (20 * number, 90, 255 - 20 * number)
        Image.new("RGB", (20 + number, 24), color).save(place / f"{number}.png")
    return folder


@pytest.fixture
def recipe(tmp_path: Path, pictures: Path) -> Path:
    """Write a recipe for a run of a second."""
    path = tmp_path / "tiny.toml"
    path.write_text(
        f"""
[dataset]
use = "folder"
folder = "{pictures}"
[image]
size = 16
[architecture]
use = "dcgan"
latent_dim = 8
width = 4
[loss]
use = "bce"
[training]
steps = 2
batch_size = 6
conditional = true
[device]
name = "cpu"
""",
        encoding="utf-8",
    )
    return path
