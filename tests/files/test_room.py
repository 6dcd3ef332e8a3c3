"""A checkpoint is not begun on a disk that cannot hold it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from gantool.files.disk import BESIDES, bytes_of
from gantool.runs.checkpoints import Checkpoints


class Usage(NamedTuple):
    total: int
    used: int
    free: int


Free = Callable[[int], None]


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> Free:
    """Return what makes disks say that they have so many bytes free."""

    def say(count: int) -> None:
        usage = Usage(10**12, 10**12 - count, count)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)

    return say


def state(step: int) -> dict[str, Any]:
    weights = [torch.zeros(500, 500), torch.zeros(3, dtype=torch.int64)]
    return {"step": step, "about": {}, "networks": {"generator": weights}, "average": None}


SIZE = 500 * 500 * 4 + 3 * 8


def test_the_bytes_of_a_state_are_those_of_its_file(tmp_path: Path) -> None:
    assert bytes_of(state(1)) == SIZE
    file = Checkpoints(tmp_path, "mine").save(1, state(1)).path / "state.pt"
    assert SIZE < file.stat().st_size < SIZE + BESIDES


def test_without_room_nothing_is_written_and_older_ones_stay(tmp_path: Path, free: Free) -> None:
    checkpoints = Checkpoints(tmp_path, "mine")
    checkpoints.save(1, state(1))
    before = sorted(tmp_path.rglob("*"))
    free(SIZE + BESIDES - 1)
    with pytest.raises(OSError, match=r"the disk has 2\.0 MB free and it needs 2\.0 MB") as caught:
        checkpoints.save(2, state(2))
    assert caught.value.errno == errno.ENOSPC
    assert sorted(tmp_path.rglob("*")) == before
    free(SIZE + BESIDES)
    assert checkpoints.save(2, state(2)).damage() is None


def test_the_last_that_fits_is_announced(
    tmp_path: Path, free: Free, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(tmp_path, "mine")
    free(2 * (SIZE + BESIDES))
    checkpoints.save(1, state(1))
    assert caplog.text == ""
    free(2 * (SIZE + BESIDES) - 1)
    checkpoints.save(2, state(2))
    assert "is nearly full: it can hold one more checkpoint of 1.0 MB, not two" in caplog.text


def test_a_disk_that_does_not_say_is_taken_to_have_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(path: Path) -> None:
        raise OSError(errno.ENOSYS, "not known", str(path))

    monkeypatch.setattr(shutil, "disk_usage", unknown)
    assert Checkpoints(tmp_path, "mine").save(1, state(1)).damage() is None
