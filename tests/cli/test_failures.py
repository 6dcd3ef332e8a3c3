from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from gantool.errors import (
    DataError,
    DeviceMemoryError,
    DiskError,
    DivergedError,
    GantoolError,
    Interrupted,
    MissingExtraError,
    PluginError,
    UsageError,
)
from gantool.recipe import shipped

pytestmark = pytest.mark.quick

Raise = Callable[[BaseException], None]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Raise:
    """Return what makes list-recipes fail."""

    def fail_with(error: BaseException) -> None:
        def shipped_recipes() -> None:
            raise error

        monkeypatch.setattr(shipped, "shipped_recipes", shipped_recipes)

    return fail_with


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GantoolError("what", "way out"), 1),
        (UsageError("what", "way out"), 2),
        (PluginError("what", "way out"), 2),
        (MissingExtraError("what", "way out"), 2),
        (DataError("what", "way out"), 3),
        (DivergedError("what", "way out"), 4),
        (DeviceMemoryError("what", "way out"), 5),
        (DiskError("what", "way out"), 6),
    ],
)
def test_failures_are_a_message_a_hint_and_an_exit_code(
    error: GantoolError, code: int, gantool: Callable[..., Any], failing: Raise
) -> None:
    failing(error)
    outcome = gantool("list-recipes")
    assert (outcome.code, outcome.stdout) == (code, "")
    assert outcome.stderr == "error: what\nhint: way out\n"


@pytest.mark.parametrize(("signal", "code"), [(2, 130), (15, 143)])
def test_a_signal_gives_the_code_of_the_shell(
    signal: int, code: int, gantool: Callable[..., Any], failing: Raise
) -> None:
    failing(Interrupted("saved", signal_number=signal))
    outcome = gantool("list-recipes")
    assert (outcome.code, outcome.stderr) == (code, "stopped: saved\n")


def test_ctrl_c_is_130_without_a_traceback(gantool: Callable[..., Any], failing: Raise) -> None:
    failing(KeyboardInterrupt())
    outcome = gantool("list-recipes")
    assert outcome.code == 130
    assert "Traceback" not in outcome.stderr


def test_ctrl_c_does_not_wait_for_the_interpreter_to_end() -> None:
    """Ending takes a second where torch is; a Ctrl-C in it crashes."""
    program = """
import atexit, sys
from gantool.cli import app
@app.app.command("train")
def train() -> None:
    print("trains")
    raise KeyboardInterrupt
atexit.register(print, "the interpreter ends")
sys.argv = ["gantool", "train"]
sys.exit(app.main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (130, "trains\n"), ended.stderr


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_full_or_closed_disk_is_no_bug(
    number: int, gantool: Callable[..., Any], failing: Raise
) -> None:
    failing(OSError(number, "no way", "some/where"))
    outcome = gantool("list-recipes")
    assert (outcome.code, outcome.stderr) == (6, "error: no way: some/where\n")


def test_anything_else_is_a_bug_with_its_traceback(
    gantool: Callable[..., Any], failing: Raise
) -> None:
    failing(ZeroDivisionError("by nothing"))
    outcome = gantool("list-recipes")
    assert (outcome.code, outcome.stdout) == (1, "")
    *traceback, last = outcome.stderr.splitlines()
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-1] == "ZeroDivisionError: by nothing"
    assert last.startswith("error: this is a bug in gantool; please report it,")
    assert last.endswith("gantool environment")


@pytest.mark.parametrize("words", [("--debug", "list-recipes"), ("list-recipes", "--debug")])
def test_debug_shows_where_a_failure_arose(
    words: tuple[str, ...], gantool: Callable[..., Any], failing: Raise
) -> None:
    failing(DataError("what", "way out"))
    outcome = gantool(*words)
    assert outcome.code == 3
    assert "Traceback (most recent call last):" in outcome.stderr
    assert outcome.stderr.endswith("error: what\nhint: way out\n")


def test_text_that_would_steer_the_terminal_is_spelt_out(
    gantool: Callable[..., Any], failing: Raise
) -> None:
    failing(DataError("a\x1b[2Jb"))
    assert gantool("list-recipes").stderr == "error: a\\x1b[2Jb\n"
