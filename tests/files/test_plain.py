"""Nothing below a folder is opened through a link, and nothing but a plain file is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gantool.errors import UsageError
from gantool.files.disk import write_durably, written_aside
from gantool.files.plain import make_plain_folder, open_plain, read_plain


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Return a file of the user's."""
    path = tmp_path / "mine"
    path.write_text("mine", encoding="utf-8")
    return path


def test_no_link_is_opened(mine: Path) -> None:
    link = mine.with_name("link")
    link.symlink_to(mine)
    for mode in ("rb", "ab", "r+b"):
        with pytest.raises(OSError, match="a symbolic link, which is not followed"):
            open_plain(link, mode)
    assert mine.read_text() == "mine"
    assert read_plain(mine) == "mine"


def test_no_file_is_made_through_a_dangling_link(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "made")
    with pytest.raises(OSError, match="a symbolic link"):
        open_plain(link, "ab")
    assert not (tmp_path / "made").exists()


def test_a_pipe_neither_opens_nor_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for mode in ("rb", "ab"):
        with pytest.raises(OSError, match=r"not a plain file|No such device"):
            open_plain(tmp_path / "pipe", mode)
    with pytest.raises(OSError, match="not a plain file"):
        open_plain(Path(os.devnull))


def test_a_link_is_replaced_by_what_is_written(mine: Path) -> None:
    link = mine.with_name("link")
    link.symlink_to(mine)
    write_durably(link, "new")
    assert mine.read_text() == "mine"
    assert not link.is_symlink()
    assert link.read_text() == "new"


def test_the_name_of_what_is_being_written_cannot_be_guessed(mine: Path) -> None:
    names = set()
    for _ in range(2):
        with written_aside(mine) as aside:
            names.add(aside.name)
    assert len(names) == 2
    assert all(name.startswith(f".tmp-{os.getpid()}-") for name in names)


def test_a_folder_is_not_made_where_a_link_is(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    with pytest.raises(UsageError, match="is a symbolic link"):
        make_plain_folder(tmp_path / "link")
    make_plain_folder(tmp_path / "new")
    make_plain_folder(tmp_path / "new")
    with pytest.raises(FileNotFoundError):  # what was deleted is not made again
        make_plain_folder(tmp_path / "missing" / "new")
