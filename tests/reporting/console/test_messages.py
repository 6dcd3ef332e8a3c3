from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import pytest

from gantool.errors import DataError, Interrupted, RecipeError
from gantool.reporting.console.messages import show_error, show_warnings
from gantool.reporting.console.run import show_outcome
from gantool.runs.folder import RunFolder
from gantool.text import visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rich.console import Console

CARETS = """\
error: unknown option 'chanels' in architecture 'dcgan'
  --> bad.toml:9:1
  |
9 | chanels = 64
  | ^^^^^^^ did you mean 'channels'?

1 problem; nothing was run"""


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_an_error_is_shown_with_its_hint_and_nothing_is_read_as_markup(
    log_console: Console,
) -> None:
    long = "no images in /data/[bold]x: " + "expected a folder of JPEG files " * 5
    show_error(DataError(long, "gantool data download artworks"), log_console)
    assert text(log_console) == f"error: {long}\nhint: gantool data download artworks\n"


def test_problems_of_a_recipe_keep_their_own_form(
    log_console: Console, screen_console: Callable[..., Console]
) -> None:
    show_error(RecipeError(CARETS), log_console)
    assert text(log_console) == CARETS + "\n"
    screen = screen_console()
    show_error(RecipeError(CARETS), screen)
    assert "\x1b[1;31merror:\x1b[0m unknown option" in text(screen)
    assert "  | \x1b[1;36m^^^^^^^ did you mean 'channels'?\x1b[0m\n" in text(screen)


def test_a_stop_by_signal_is_no_error(log_console: Console) -> None:
    stop = Interrupted("saved at step 120", "gantool resume runs/x", signal_number=2)
    show_error(stop, log_console)
    assert text(log_console) == "stopped: saved at step 120\nhint: gantool resume runs/x\n"


def test_names_cannot_steer_the_terminal(screen_console: Callable[..., Console]) -> None:
    screen = screen_console()
    show_error(DataError("bad name \x1b[2J\x07\r\u202e\udcff é 漢"), screen)
    assert text(screen).endswith(" bad name \\x1b[2J\\x07\\r\\u202e\\udcff é 漢\n")
    assert visible("two\nlines\tand a tab") == "two\nlines\tand a tab"


def test_each_warning_is_shown_once(log_console: Console, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gantool")
    with show_warnings(log_console):
        for _ in range(3):
            logging.getLogger("gantool.runs").warning("disk %s", "[red]full[/red]")
        logging.getLogger("gantool").error("worse")
        logging.getLogger("gantool").info("not a warning")
        logging.getLogger("other").warning("not of gantool")
    logging.getLogger("gantool").warning("after the end")
    assert text(log_console) == "warning: disk [red]full[/red]\nerror: worse\n"


def test_warnings_are_shown_by_the_outermost_only(
    log_console: Console, screen_console: Callable[..., Console]
) -> None:
    inner = screen_console()
    with show_warnings(log_console):
        with show_warnings(inner):
            logging.getLogger("gantool").warning("one")
        logging.getLogger("gantool").warning("two")
    assert text(log_console) == "warning: one\nwarning: two\n"
    assert text(inner) == ""


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run with pictures in the working folder, whose name a shell would split."""
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(tmp_path / "runs" / "my base")
    folder.samples.mkdir(parents=True)
    for step in (20, 100):
        folder.sample_grid(step).touch()
    folder.curves.touch()
    return folder


def test_the_end_says_where_things_are_and_what_is_next(
    log_console: Console, finished: RunFolder
) -> None:
    show_outcome(finished, "completed", 100, log_console)
    assert text(log_console).splitlines() == [
        "",
        "run      runs/my base",
        "samples  runs/my base/samples/step-00000100.png",
        "curves   runs/my base/curves.png",
        "",
        "next",
        "  gantool sample 'runs/my base'   draw new pictures",
        "  gantool resume 'runs/my base' --steps 200   train further",
    ]


def test_a_stopped_run_is_gone_on_with(log_console: Console, finished: RunFolder) -> None:
    show_outcome(finished, "stopped", 100, log_console)
    assert text(log_console).splitlines()[-1] == (
        "  gantool resume 'runs/my base'   go on from step 100"
    )


def test_quiet_leaves_the_paths_of_what_exists(log_console: Console, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "elsewhere")
    show_outcome(folder, "completed", 100, log_console, "quiet")
    assert text(log_console) == f"run      {folder.path}\n"
