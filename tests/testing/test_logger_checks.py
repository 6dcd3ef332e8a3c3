"""Each check of loggers, seen failing on a logger that breaks its promise."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import pytest
from typing_extensions import override

from gantool import Logger, RunDescription

if TYPE_CHECKING:
    from gantool.testing import CheckResult


class Sound(Logger):
    """Writes figures to a file."""

    name = "sound"

    path: Path
    """The file."""

    @override
    @classmethod
    def example(cls, scratch: Path) -> Self:
        return cls(path=scratch / "figures.jsonl")

    @override
    def start(self, run: RunDescription) -> None:
        self._write(start=run.resumed_from)

    @override
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self._write(step=step, **values)

    def _write(self, **values: float) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


class Finite(Sound):
    """Refuses NaN."""

    @override
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        json.dumps(dict(values), allow_nan=False)


class Exclusive(Sound):
    """Wants a file of its own."""

    @override
    def start(self, run: RunDescription) -> None:
        self.path.touch(exist_ok=False)


class Undecided(Sound):
    """Forgets to say whether it has gone back."""

    @override
    def rewind(self, step: int) -> bool:
        return None  # type: ignore[return-value]


class Interrupting(Sound):
    """Fails as if somebody had pressed Ctrl-C."""

    @override
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        try:
            super().scalars(step, values)
        except OSError as error:
            raise KeyboardInterrupt("the connection was lost") from error


class Haunting(Sound):
    """Leaves a thread behind."""

    end: ClassVar[threading.Event] = threading.Event()

    @override
    def start(self, run: RunDescription) -> None:
        threading.Thread(target=self.end.wait, name="sender").start()


BROKEN = [
    ("records_a_run", Finite, "Out of range float values are not JSON compliant"),
    ("records_a_resumed_run", Exclusive, "FileExistsError"),
    ("goes_back_with_a_run", Undecided, "rewind returns None, neither True nor False"),
    (
        "never_stops_a_run",
        Interrupting,
        "KeyboardInterrupt gets through to the run: the connection was",
    ),
    ("leaves_nothing_running", Haunting, "the thread 'sender' is still running"),
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait for threads for a moment only, and end those that are left."""
    monkeypatch.setattr("gantool.testing.checks.loggers.SECONDS", 0.05)
    Haunting.end.clear()
    yield
    Haunting.end.set()


@pytest.mark.parametrize(("name", "component", "finding"), BROKEN)
def test_broken_promise_is_found(
    try_check: Callable[..., CheckResult], name: str, component: type[Logger], finding: str
) -> None:
    result = try_check(name, component)
    assert result.status == "failed"
    assert re.search(finding, result.message), result.message


def test_every_check_is_seen_failing(names_of: Callable[[str], set[str]]) -> None:
    assert {name for name, *_ in BROKEN} == names_of("logger")


def test_sound_logger_passes(try_every_check: Callable[..., list[CheckResult]]) -> None:
    results = try_every_check(Sound)
    assert results
    assert [result for result in results if result.status != "passed"] == []
