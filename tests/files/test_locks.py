"""A lock keeps others out; looking at it does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gantool.errors import UsageError
from gantool.files.disk import sweep
from gantool.files.plain import BusyError, is_locked, locked


def test_looking_makes_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    assert not list(tmp_path.iterdir())
    with locked(path):
        before = path.stat().st_mtime_ns, tmp_path.stat().st_mtime_ns
        assert is_locked(path)
        with pytest.raises(BusyError), locked(path):
            pass
        assert (path.stat().st_mtime_ns, tmp_path.stat().st_mtime_ns) == before
    assert not is_locked(path)


def test_somebody_who_looks_all_the_time_keeps_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path):
        pass
    code = (
        "import sys, pathlib; from gantool.files.plain import is_locked\n"
        "print(flush=True)\nwhile True: is_locked(pathlib.Path(sys.argv[1]))"
    )
    looking = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert looking.stdout is not None
    try:
        looking.stdout.readline()
        for _ in range(200):
            with locked(path, patience=5.0):
                pass
    finally:
        looking.send_signal(signal.SIGKILL)
        looking.wait()
        looking.stdout.close()


def test_no_lock_is_made_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "made")
    with pytest.raises(UsageError, match="is a symbolic link"), locked(tmp_path / "lock"):
        pass
    assert not (tmp_path / "made").exists()


def test_what_the_living_are_writing_is_not_swept(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    living, mine = tmp_path / f".tmp-{os.getppid()}-ab.json", tmp_path / "outside"
    mine.mkdir()
    (mine / "file").touch()
    for name in (living.name, f".tmp-{dead.pid}-ab.json", ".tmp-run.json", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / ".trash-ab").mkdir()
    (tmp_path / ".trash-ab" / "link").symlink_to(mine)
    (tmp_path / ".trash-cd").symlink_to(mine)
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {living.name, "notes.txt", "outside"}
    assert (mine / "file").exists()
