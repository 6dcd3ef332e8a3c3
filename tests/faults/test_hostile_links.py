"""A stranger's folder that is full of links writes, empties and removes nothing elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gantool
from gantool.cli.app import main
from gantool.data import cache
from gantool.runs.folder import RunFolder
from gantool.runs.status import HOLDER, LOCK

if TYPE_CHECKING:
    from tests.faults.conftest import Publish, Recipe

OTHER = "other"
PAYLOAD = "export MINE=untouched\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return a folder of the user's: a start-up file of the shell, and pictures."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in (".bashrc", "step-00000009.png", "0000.png", "state.pt", "config.json"):
        (folder / name).write_text(PAYLOAD, encoding="utf-8")
    (folder / "step-00000003").mkdir()
    (folder / "step-00000003" / "state.pt").write_text(PAYLOAD, encoding="utf-8")
    (folder / ".tmp-1-mine").write_text(PAYLOAD, encoding="utf-8")
    (folder / ".trash-mine").mkdir()
    return folder


@pytest.fixture
def stranger(recipe: Recipe, tmp_path: Path) -> Path:
    """Return a stranger's run, stopped before its end."""
    run = tmp_path / "stranger"
    gantool.run(
        recipe(training={"steps": 4}, checkpoints={"every_steps": 1}), out=run, level="quiet"
    )
    gantool.load(run).sample(1)
    shutil.rmtree(run / "checkpoints" / "step-00000004")
    shutil.copytree(run, tmp_path / OTHER)
    return run


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    paths = [folder, *sorted(folder.rglob("*"))]
    return {
        str(path): (path.read_bytes() if path.is_file() else b"", path.lstat().st_mtime_ns)
        for path in paths
    }


def commands(run: Path, out: Path) -> Iterator[list[str]]:
    """Yield what a curious person does with a run that was sent to them."""
    yield ["list-runs", str(run.parent)]
    yield ["report", str(run), "--no-neighbors"]
    yield ["compare", str(run), str(out.with_name(OTHER)), "--quiet"]
    yield ["evaluate", str(run), "--metrics", "fid", "--count", "12", "--quiet"]
    yield ["sample", str(run), "--count", "2"]
    yield ["sample", str(run), "--grid"]
    yield ["export", str(run), "--to", "safetensors", "--quiet"]
    yield ["export", str(run), "--to", "safetensors", "--out", str(out), "--quiet"]
    yield ["resume", str(run), "--quiet"]
    yield ["resume", str(run), "--steps", "5", "--quiet"]


def names() -> list[str]:
    folder = RunFolder(Path("run"))
    own = sorted(folder.names() - {"recipe.toml"})
    old = [f".tmp-{name}" for name in (*own, "recipe.toml")]
    return [*own, *old, LOCK, HOLDER]


def test_no_name_in_a_run_leads_out_of_it(
    stranger: Path, mine: Path, publish: Publish, full: bool, tmp_path: Path
) -> None:
    """Each name of a run's, and of what is written beside it, is a link to something of mine."""
    wanted = names()
    assert len(wanted) > 30
    chosen = wanted if full else ["run.json", "samples", "checkpoints", ".tmp-run.json", HOLDER]
    before, runs = everything(mine), 0
    for number, name in enumerate(chosen):
        run = tmp_path / f"copy-{number}" / "run"
        shutil.copytree(stranger, run)
        is_folder = (run / name).is_dir() or name in ("exported", "checkpoints", "samples")
        if (run / name).is_dir():
            shutil.rmtree(run / name)
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(mine if is_folder else mine / ".bashrc")
        for words in commands(run, tmp_path / f"out-{number}"):
            assert code_of(words) in (0, 1, 2, 4, 6), words
            runs += 1
            assert everything(mine) == before, (name, words)
    publish(
        "7j",
        f"each of {len(chosen)} names in a run's folder a link to a file or folder of the user's",
        f"{runs} commands; nothing followed, made, emptied or removed elsewhere",
    )


def test_names_inside_folders_lead_nowhere_either(
    stranger: Path, mine: Path, tmp_path: Path
) -> None:
    before = everything(mine)
    shutil.rmtree(stranger / "checkpoints" / "step-00000002")
    for link, target in (
        ("checkpoints/step-00000002", mine / "step-00000003"),
        ("checkpoints/.tmp-mine", mine),
        ("checkpoints/.trash-mine", mine),
        ("checkpoints/step-00000003/score.json", mine / ".bashrc"),
        ("checkpoints/step-00000003/.tmp-score.json", mine / ".bashrc"),
        ("samples/drawn-step-00000003-seed-0", mine),
        ("samples/drawn-step-00000003-seed-0-grid-16.png", mine / ".bashrc"),
        ("exported/config.json", mine / ".bashrc"),
        ("exported/.tmp-config.json", mine / ".bashrc"),
        ("exported/generator.safetensors", mine / "state.pt"),
        ("exported/README.md", mine / ".bashrc"),
        ("exported/.writing", mine / ".bashrc"),
    ):
        (stranger / link).parent.mkdir(exist_ok=True)
        (stranger / link).unlink(missing_ok=True)
        (stranger / link).symlink_to(target)
    for words in commands(stranger, tmp_path / "out"):
        assert code_of(words) in (0, 1, 2, 6), words
        assert everything(mine) == before, words


@pytest.mark.parametrize("place", ["the folder itself", "the folder of runs"])
def test_a_run_that_is_reached_by_a_link_of_ones_own_works(
    stranger: Path, tmp_path: Path, place: str
) -> None:
    """The disk with more room: what lies below it is the run's own."""
    (tmp_path / "big").mkdir()
    if place == "the folder itself":
        stranger.rename(tmp_path / "big" / "run")
        (tmp_path / "linked").symlink_to(tmp_path / "big" / "run")
        run = tmp_path / "linked"
    else:
        stranger.rename(tmp_path / "big" / "run")
        (tmp_path / "runs").symlink_to(tmp_path / "big")
        run = tmp_path / "runs" / "run"
    for words in commands(run, tmp_path / "out"):
        assert code_of(words) == 0, words
    assert gantool.load(run).step == 5


def test_no_pipe_stops_a_command(stranger: Path, tmp_path: Path) -> None:
    """A pipe in the place of a file would keep whoever opens it waiting for ever."""
    for name in ("metrics.jsonl", "environment.json", "loggers.json", "diverged.json", HOLDER):
        (stranger / name).unlink(missing_ok=True)
        os.mkfifo(stranger / name)
    for words in commands(stranger, tmp_path / "out"):
        assert code_of(words) in (0, 2, 6), words


def test_a_cache_leads_nowhere(
    recipe: Recipe, mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every folder that a preparation makes is a link to the user's already."""
    file, before = recipe(training={"steps": 1}), everything(mine)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    gantool.run(file, out=tmp_path / "first", level="quiet")
    (prepared,) = (path for path in cache.prepared_cache().iterdir() if path.is_dir())
    shutil.rmtree(prepared)
    prepared.symlink_to(mine)
    unfinished = prepared.with_name(f"{cache.UNFINISHED}{prepared.name}")
    unfinished.mkdir()
    for name in ("images.npy", "labels.npy", "names.npy", "manifest.json", "journal.jsonl"):
        (unfinished / name).symlink_to(mine / ".bashrc")
    gantool.run(file, out=tmp_path / "second", level="quiet")
    assert everything(mine) == before
    assert not prepared.is_symlink()
    for section in ("prepared", ".locks"):
        shutil.rmtree(tmp_path / "cache" / section)
        (tmp_path / "cache" / section).symlink_to(mine)
        assert code_of(["run", str(file), "--out", str(tmp_path / "third"), "--quiet"]) == 2
        assert everything(mine) == before
        (tmp_path / "cache" / section).unlink()


def code_of(words: list[str]) -> int:
    """Return the exit code of a command."""
    try:
        return main(words)
    except SystemExit as leaving:
        return int(leaving.code or 0)
