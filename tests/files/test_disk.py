"""A file is the old one or the new one; a sync that never succeeds comes to an end."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

import pytest

from gantool.files import disk


@pytest.mark.parametrize("interruptions", [0, 3, 10**6])
def test_an_interrupted_sync_is_made_again_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, interruptions: int
) -> None:
    """`os.fsync` would try for ever: Python retries EINTR below it (PEP 475)."""
    calls = 0

    def interrupted(descriptor: int) -> int:
        nonlocal calls
        calls += 1
        if calls > interruptions:
            os.fsync(descriptor)
            return 0
        ctypes.set_errno(errno.EINTR)
        return -1

    monkeypatch.setattr(disk, "_system_call", lambda: interrupted)
    path = tmp_path / "file"
    if interruptions < disk.ATTEMPTS:
        disk.write_durably(path, "text")
        assert path.read_text() == "text"
    else:
        with pytest.raises(InterruptedError) as caught:
            disk.write_durably(path, "text")
        assert calls == disk.ATTEMPTS
        assert str(tmp_path) in str(caught.value)
        assert not list(tmp_path.iterdir())


def test_the_system_call_syncs_and_tells_what_failed(tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        disk.fsync(file.fileno())
        number = file.fileno()
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        disk.fsync(number)
    assert caught.value.errno == errno.EBADF


def test_what_fails_leaves_the_file_of_before(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before", encoding="utf-8")

    def fail() -> None:
        with disk.written_aside(path) as aside:
            aside.write_text("half", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
