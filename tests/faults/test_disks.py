"""A disk that fails at any write costs neither the run nor what was saved before."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gantool

if TYPE_CHECKING:
    from tests.faults.conftest import Disk, Fork, Publish, Recipe

ERRORS = (
    *(errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES, errno.EDQUOT),
    *(errno.ESTALE, errno.EFBIG, errno.ENOLCK, errno.ENAMETOOLONG, errno.ETIMEDOUT),
    *(errno.EAGAIN, errno.EINTR),
)
NAMES = ", ".join(errno.errorcode[number] for number in ERRORS)
TABLES = {
    "training": {"steps": 6},
    "checkpoints": {"every_steps": 2, "keep_last": 2},
    "health": {"policy": "stop"},
}
ALLOWED = (0, 6)
"""Exit codes: the run went on, or it names the disk."""


def failing(number: int) -> Callable[[str], None]:
    def act(what: str) -> None:
        operation, _, place = what.partition(" ")
        if operation == "flock" and number == errno.EAGAIN:
            return  # it says that somebody else has the lock
        named = [place] if place.startswith("/") else []
        raise OSError(number, os.strerror(number), *named)

    return act


@pytest.mark.parametrize("lasting", [False, True])
def test_a_failing_disk_costs_nothing_that_was_saved(
    recipe: Recipe,
    *,
    fork: Fork,
    finish: Callable[[Path, Path], int],
    same: Callable[..., str | None],
    newest_step: Callable[[Path], int | None],
    disk: type[Disk],
    publish: Publish,
    full: bool,
    lasting: bool,
    tmp_path: Path,
) -> None:
    """Each write of a run fails once; with `lasting`, all that follow fail too."""
    file, whole = recipe(**TABLES), tmp_path / "whole"
    gantool.run(file, out=whole, level="quiet")
    writes = count_writes(file, fork, disk, tmp_path)
    cases = [(ERRORS[(at + 5 * lasting) % len(ERRORS)], at) for at in range(writes)]
    cases = cases if full else random.Random(0).sample(cases, 5)
    ends, lost_grids = dict.fromkeys(ALLOWED, 0), 0
    for number, (error, at) in enumerate(cases):
        run = tmp_path / f"run-{number}"
        bad = disk(failing(error), at, lasting=lasting, only_below=run)
        victim = fork(lambda run=run: gantool.run(file, out=run, level="quiet"), bad.install)
        code = victim.wait()
        assert code in ALLOWED, (code, error, at, victim.output.read_text())
        if code:
            assert str(run) in victim.output.read_text(), (error, at)
        ends[code] += 1
        if any((run / "checkpoints").glob("step-*")):
            assert newest_step(run) is not None, (error, at)
        assert finish(file, run) == 0, (error, at, victim.output.read_text())
        assert same(whole, run, lost_grids=True) is None, (error, at)
        lost_grids += len(grids(whole)) - len(grids(run))
    publish(
        "5b" if lasting else "5a",
        f"{NAMES} in turn at each of {writes} writes of a run"
        + (", and at all later ones" if lasting else ""),
        f"of {len(cases)}, {ends[0]} finished all the same and {ends[6]} ended with exit 6; "
        f"no checkpoint lost; finished on a mended disk, all identical but for {lost_grids} grids "
        "that could not be written at their moment",
    )


@pytest.mark.parametrize("lasting", [False, True])
def test_a_failing_disk_of_the_cache_is_named(
    recipe: Recipe,
    *,
    fork: Fork,
    finish: Callable[[Path, Path], int],
    disk: type[Disk],
    publish: Publish,
    monkeypatch: pytest.MonkeyPatch,
    full: bool,
    lasting: bool,
    tmp_path: Path,
) -> None:
    """Each write of the preparation fails once, or for good; afterwards it goes on or anew."""
    file = recipe(training={"steps": 1})
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "cache-counted"))
    writes = count_writes(file, fork, disk, tmp_path, tmp_path / "cache-counted", least=20)
    cases = [(ERRORS[(at + 5 * lasting) % len(ERRORS)], at) for at in range(writes)]
    cases = cases if full else random.Random(1).sample(cases, 4)
    ends = dict.fromkeys(ALLOWED, 0)
    for number, (error, at) in enumerate(cases):
        run, cache = tmp_path / f"run-{number}", tmp_path / f"cache-{number}"
        monkeypatch.setenv("GANTOOL_CACHE", str(cache))
        bad = disk(failing(error), at, lasting=lasting, only_below=cache)
        victim = fork(lambda run=run: gantool.run(file, out=run, level="quiet"), bad.install)
        code = victim.wait()
        assert code in ALLOWED, (code, error, at, victim.output.read_text())
        ends[code] += 1
        assert run.exists() == (code == 0), (error, at)
        assert finish(file, run) == 0, (error, at, victim.output.read_text())
    publish(
        "5g" if lasting else "5f",
        f"{NAMES} in turn at each of {writes} writes into the cache"
        + (", and at all later ones" if lasting else ""),
        f"of {len(cases)}, {ends[0]} finished all the same and {ends[6]} ended with exit 6 and "
        "left no folder behind; all finished on a mended disk",
    )


def grids(run: Path) -> list[Path]:
    return list((run / "samples").glob("step-*.png"))


def count_writes(
    file: Path,
    fork: Fork,
    disk: type[Disk],
    folder: Path,
    below: Path | None = None,
    least: int = 50,
) -> int:
    """Return how many writes a run makes in its folder, or below another."""
    counted, run = folder / "count", folder / "counted"
    patient = disk(failing(0), 10**9, only_below=below or run)

    def work() -> None:
        patient.install()
        gantool.run(file, out=run, level="quiet")
        counted.write_text(str(patient.count))

    victim = fork(work)
    assert victim.wait() == 0, victim.output.read_text()
    writes = int(counted.read_text())
    assert writes > least
    return writes


def test_a_disk_without_room_is_not_written_to(
    recipe: Recipe,
    *,
    fork: Fork,
    same: Callable[..., str | None],
    newest_step: Callable[[Path], int | None],
    publish: Publish,
    tmp_path: Path,
) -> None:
    """From step 2 on there is room for half a checkpoint, until space is freed."""
    file, whole, run = recipe(**TABLES), tmp_path / "whole", tmp_path / "run"
    gantool.run(file, out=whole, level="quiet")
    size = (whole / "checkpoints" / "step-00000006" / "state.pt").stat().st_size

    def fill() -> None:
        usage = shutil.disk_usage(tmp_path)

        def left(path: Path) -> object:
            return usage._replace(free=usage.free if newest_step(run) is None else size // 2)

        shutil.disk_usage = left  # type: ignore[assignment]

    victim = fork(lambda: gantool.run(file, out=run, level="quiet"), fill)
    assert victim.wait() == 6
    said = victim.output.read_text()
    assert "checkpoint of step 6 could not be saved" in said
    assert "MB free and it needs 1" in said
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["step-00000000"]
    assert fork(lambda: gantool.resume(run, level="quiet")).wait() == 0
    assert same(whole, run) is None
    publish(
        "5e",
        "a disk that says it has room for half a checkpoint",
        "not written to: 2 warnings, then exit 6; finished with room, identical",
    )
