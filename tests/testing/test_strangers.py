"""Networks and regularizers of well-known papers, as strangers write them, raise no false alarm."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gantool.registry.catalog import installed
from gantool.testing import run_checks
from gantool.testing.harness.believing import end_process

ARCHITECTURES = ("sngan", "biggan", "stylegan2")
REGULARIZERS = ("infogan", "auxiliary-classifier", "rotations")
COMPONENTS = [f"{name}{width}" for name in ARCHITECTURES for width in ("-4", "", "-64")]


@pytest.fixture
def _strangers(importable: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install their plugin."""
    assert (importable / "strangers").is_dir()
    about = tmp_path / "strangers-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[gantool.plugins]\nstrangers = strangers.plugin\n")
    monkeypatch.syspath_prepend(tmp_path)
    installed.cache_clear()
    yield
    installed.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "strangers"]:
        del sys.modules[name]


@pytest.fixture(scope="module", autouse=True)
def _ended() -> Iterator[None]:
    yield
    end_process()


@pytest.mark.usefixtures("_strangers")
@pytest.mark.parametrize("name", [*COMPONENTS, *REGULARIZERS])
def test_no_check_fails(name: str) -> None:
    results = run_checks(f"strangers:{name}")
    assert len(results) > 25
    assert [(each.id, each.message) for each in results if each.status != "passed"] == []


@pytest.mark.usefixtures("_strangers")
def test_their_plugin_has_no_fault() -> None:
    for check in ("loads", "names_its_components_apart", "leaves_torch_unimported"):
        (result,) = run_checks(f"strangers::{check}")
        assert result.status == "passed", result.message
