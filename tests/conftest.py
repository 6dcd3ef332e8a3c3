"""What every test shares: one thread, a cache of its own, no plugins but the installed ones."""

from __future__ import annotations

import os

# before torch is imported: tensors are small, and test workers run side by side
os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.chromium import Chromium

Plant = Callable[..., Path]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults",
        choices=("quick", "full"),
        default="quick",
        help="how many faults tests/faults injects: a few of each, or all, for the published table",
    )
    parser.addoption(
        "--mutations", type=int, metavar="N", help="how often tests/faults damages each file"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m quick`, do not even import the files that say nothing of it."""
    is_test = collection_path.name.startswith("test_") and collection_path.suffix == ".py"
    if config.option.markexpr == "quick" and is_test:
        return "pytest.mark.quick" not in collection_path.read_text() or None
    return None


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep prepared images out of the user's cache."""
    folder = tmp_path_factory.getbasetemp() / "gantool-cache"
    monkeypatch.setenv("GANTOOL_CACHE", str(folder))
    for name in ("GANTOOL_ARTWORKS", "GANTOOL_DISABLE_PLUGINS"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def rediscovered() -> Iterator[None]:
    """Discover plugins anew before and after, for tests that install some."""
    from gantool.registry.catalog import installed

    installed.cache_clear()
    yield
    installed.cache_clear()


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Return what writes a run folder as training would have left it, curves and scores given."""

    def write(
        name: str = "base",
        *,
        generator_loss: Sequence[float] = (1.0,) * 40,
        discriminator_loss: Sequence[float] = (1.0,) * 40,
        scores: Sequence[dict[str, Any]] = (),
        evaluations: Sequence[dict[str, Any]] = (),
        findings: Sequence[dict[str, Any]] = (),
        status: dict[str, Any] | None = None,
        **tables: Any,
    ) -> Path:
        from gantool.recipe.documents import dump

        document: dict[str, Any] = {
            "dataset": {"use": "folder", "folder": "/pictures"},
            "architecture": {"use": "dcgan", "latent_dim": 8, "width": 4},
            "loss": {"use": "bce"},
            "image": {"size": 16},
            "training": {"steps": 10 * len(generator_loss)},
        }
        for table, values in tables.items():
            is_table = isinstance(values, dict)
            document[table] = {**document.get(table, {}), **values} if is_table else values
        folder = tmp_path / "planted" / name
        folder.mkdir(parents=True)
        steps = 10 * len(generator_loss)
        about = {"recipe": name, "steps": steps, "step": steps, "outcome": "completed"}
        (folder / "run.json").write_text(json.dumps({**about, **(status or {})}))
        (folder / "recipe.toml").write_text(dump(document))
        games = enumerate(zip(generator_loss, discriminator_loss, strict=True), 1)
        lines = {
            "metrics": [
                {"step": 10 * n, "epoch": n / 2, "generator_loss": g, "discriminator_loss": d}
                for n, (g, d) in games
            ],
            "timing": [{"step": steps, "seconds": 20.0, "images_per_second": 640.0}],
            "scores": scores,
            "evaluations": evaluations,
            "health": findings,
        }
        for file, records in lines.items():
            if records:
                text = "".join(json.dumps(record) + "\n" for record in records)
                (folder / f"{file}.jsonl").write_text(text)
        return folder

    return write


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A headless browser, if one is installed."""
    from tests.chromium import Chromium, find_chromium

    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium is installed")
    browser = Chromium(executable, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()
