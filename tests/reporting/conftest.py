from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console


class FakeClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class Screen(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log_console() -> Console:
    """A console on a file, as behind a pipe."""
    return Console(file=io.StringIO(), _environ={})


@pytest.fixture
def screen_console() -> Callable[..., Console]:
    """Makes a console on a terminal of a given width."""

    def make(width: int = 80, **environ: str) -> Console:
        environ = {"TERM": "xterm-256color", **environ}
        return Console(
            file=Screen(),
            force_terminal=True,
            color_system="256",
            width=width,
            height=40,
            _environ=environ,
        )

    return make
