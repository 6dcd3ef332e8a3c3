"""A run's folder is taken when its name is chosen, and nobody else can have it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gantool
from gantool.errors import DataError, DiskError, UsageError
from gantool.launch.session import prepare

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return what lets something happen while the next run prepares its images."""

    def happen(something: Callable[[], object]) -> None:
        waiting = [something]

        def slow(*arguments: Any) -> Any:
            if waiting:
                waiting.pop()()
            return prepare(*arguments)

        monkeypatch.setattr("gantool.launch.running.prepare", slow)

    return happen


def test_a_run_that_starts_while_another_prepares_has_a_folder_of_its_own(
    write_recipe: Write, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    recipe, others = write_recipe(training={"steps": 2}), []
    meanwhile(lambda: others.append(gantool.run(recipe, ["training.seed=7"], level="quiet")))
    first = gantool.run(recipe, level="quiet")
    (second,) = others
    assert first.folder.name.endswith("-1")
    assert second.folder.name.endswith("-2")
    assert "seed = 7" in second.folder.recipe.read_text()
    assert "seed = 7" not in first.folder.recipe.read_text()
    assert first.step == second.step == 2


def test_a_folder_that_was_named_is_taken_too(
    write_recipe: Write, meanwhile: Callable[[Callable[[], object]], None], tmp_path: Path
) -> None:
    recipe, out = write_recipe(training={"steps": 2}), tmp_path / "mine"

    def second() -> None:
        with pytest.raises(UsageError, match="is in use by process"):
            gantool.run(recipe, ["training.seed=7"], out=out, level="quiet")

    meanwhile(second)
    run = gantool.run(recipe, out=out, level="quiet")
    assert "seed = 7" not in run.folder.recipe.read_text()
    assert run.step == 2


@pytest.mark.parametrize("name", [None, "mine"])
def test_a_run_that_never_begins_leaves_no_folder(
    write_recipe: Write, name: str | None, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    recipe = write_recipe(dataset={"use": "folder", "folder": str(tmp_path / "empty")})
    with pytest.raises(DataError):
        gantool.run(recipe, out=name, level="quiet")
    assert not (tmp_path / "mine").exists()
    assert not list((tmp_path / "runs").glob("*"))


def test_a_disk_without_locks_leaves_no_folder(
    write_recipe: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As network storage may be: said with the path, and never taken for somebody else's lock."""
    recipe = write_recipe()

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(DiskError, match=r"cannot be written to: .*No locks available"):
        gantool.run(recipe, level="quiet")
    assert not list((tmp_path / "runs").iterdir())


def test_a_folder_that_was_there_before_stays_without_a_trace(
    write_recipe: Write, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "mine").mkdir()
    recipe = write_recipe(dataset={"use": "folder", "folder": str(tmp_path / "empty")})
    with pytest.raises(DataError):
        gantool.run(recipe, out="mine", level="quiet")
    assert not list((tmp_path / "mine").iterdir())
