from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gantool.data import cache as rooms
from gantool.data.cache import clear, dataset_cache, entries, entry_lock, prepared_cache, root
from gantool.errors import DiskError

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def make(cache: Path) -> Callable[[str], Path]:
    """Makes an entry of 1,000 bytes in two files."""

    def fill(name: str) -> Path:
        dataset_cache("any")
        prepared_cache()
        folder = cache / name
        (folder / "deep").mkdir(parents=True)
        (folder / "one").write_bytes(bytes(400))
        (folder / "deep" / "two").write_bytes(bytes(600))
        return folder

    return fill


def test_root_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert root() == cache
    monkeypatch.delenv("GANTOOL_CACHE")
    assert root() == tmp_path / "xdg" / "gantool"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert root() == tmp_path / "home" / ".cache" / "gantool"
    assert dataset_cache("x") == tmp_path / "home" / ".cache" / "gantool" / "datasets" / "x"
    assert not dataset_cache("x").exists()


def test_without_a_writable_home_the_cache_is_private(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("GANTOOL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/self")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith("/proc"))
    assert root() == tmp_path / f"gantool-{os.getuid()}"
    assert stat.S_IMODE(root().stat().st_mode) == 0o700
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    (tmp_path / "gantool-12345").symlink_to(tmp_path)
    with pytest.raises(DiskError, match="not this user's folder"):
        root()
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    (tmp_path / "gantool-54321").mkdir()  # somebody else was there first
    with pytest.raises(DiskError, match="not this user's folder"):
        root()


def test_unwritable_cache_is_a_disk_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANTOOL_CACHE", str(tmp_path / "file" / "cache"))
    assert dataset_cache("x").name == "x"  # a dataset may need no cache
    with pytest.raises(DiskError, match="cannot make the cache folder") as caught:
        prepared_cache()
    assert "GANTOOL_CACHE" in str(caught.value.hint)


def test_entries_are_listed_by_last_use(make: Callable[[str], Path]) -> None:
    folders = [make("datasets/old"), make("prepared/new"), make("prepared/.unfinished-newest")]
    for age, folder in enumerate(folders):
        for path in (folder, *folder.rglob("*")):
            os.utime(path, (0, 1000 + age))
    found = entries()
    assert [(entry.section, entry.name, entry.unfinished) for entry in found] == [
        ("prepared", "newest", True),
        ("prepared", "new", False),
        ("datasets", "old", False),
    ]
    assert [entry.size_bytes for entry in found] == [1000] * 3
    assert [entry.last_used for entry in found] == [1002, 1001, 1000]


def test_clear_deletes_what_was_chosen(make: Callable[[str], Path]) -> None:
    kept, gone = make("prepared/kept"), make("prepared/gone")
    chosen = [entry for entry in entries() if entry.name == "gone"]
    assert clear(chosen) == chosen
    assert kept.exists()
    assert not gone.exists()
    assert [entry.name for entry in entries()] == ["kept"]
    assert not list(kept.parent.glob(".trash-*"))


def test_clear_leaves_alone_what_is_being_made(make: Callable[[str], Path]) -> None:
    folder = make("prepared/.unfinished-x")
    with entry_lock("prepared", "x"):
        assert clear(entries()) == []
        assert folder.exists()
    assert len(clear(entries())) == 1


def test_nothing_outside_is_deleted(
    make: Callable[[str], Path], cache: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(bytes(5000))
    entry = make("prepared/entry")
    (entry / "link").symlink_to(outside)
    (cache / "prepared" / "linked").symlink_to(outside)
    (cache / "prepared" / "file").touch()
    (cache / "mine").mkdir()
    (found,) = entries()
    assert found.size_bytes < 2000  # the link itself, not what it points to
    planted = rooms.CacheEntry("prepared", "outside", outside, 0, 0.0)
    dotted = rooms.CacheEntry("prepared", "..", cache / "prepared" / "..", 0, 0.0)
    assert clear([found, planted, dotted]) == [found]
    assert (outside / "precious").exists()
    assert (cache / "mine").exists()
    assert (cache / "prepared" / "file").exists()


def test_folders_that_were_there_before_are_not_ours(cache: Path, tmp_path: Path) -> None:
    """GANTOOL_CACHE=/data must not make /data/datasets/imagenet ours to delete."""
    theirs = cache / "datasets" / "imagenet"
    theirs.mkdir(parents=True)
    dataset_cache("artworks")
    assert entries() == []
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / rooms.TAG).write_text(rooms.TAG_TEXT)
    (elsewhere / "entry").mkdir()
    (cache / "prepared").symlink_to(elsewhere)
    assert entries() == []
    assert clear([rooms.CacheEntry("datasets", "imagenet", theirs, 0, 0.0)]) == []
    assert theirs.exists()


def test_interrupted_deletion_is_finished_later(make: Callable[[str], Path]) -> None:
    left = make("prepared/.trash-0123")
    assert entries() == []
    clear([])
    assert not left.exists()
