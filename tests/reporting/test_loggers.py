from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from typing_extensions import override

from gantool.interfaces.logger import Logger, RunDescription
from gantool.reporting.loggers import LoggersObserver
from gantool.training.observers import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

VALUES = {"discriminator_loss": 0.5, "generator_loss": 2.0}
METHODS = ("start", "scalars", "images", "finish")


class Notes(Logger):
    """Notes every call, and fails in the method it is told to."""

    name = "notes"
    calls: ClassVar[list[tuple[Any, ...]]] = []
    label: str = "a"
    fails_in: str = ""
    exits: bool = False

    def note(self, method: str, *details: Any) -> None:
        self.calls.append((self.label, method, *details))
        print("a logger prints")
        if method == self.fails_in:
            raise SystemExit(3) if self.exits else RuntimeError("no network")

    @override
    def start(self, run: RunDescription) -> None:
        self.note("start", run.identifier)

    @override
    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.note("scalars", step, dict(values))

    @override
    def images(self, step: int, path: Path) -> None:
        self.note("images", step, path)

    @override
    def finish(self, outcome: str) -> None:
        self.note("finish", outcome)


@pytest.fixture(autouse=True)
def calls() -> list[tuple[Any, ...]]:
    Notes.calls.clear()
    return Notes.calls


def description(resumed_from: int = 0) -> RunDescription:
    return RunDescription("id-1", "run", Path("runs/run"), {}, resumed_from)


def live(observer: LoggersObserver) -> None:
    observer.start()
    for step in (10, 20, 30):
        observer.at_log(Record(step, step / 68, VALUES))
        observer.images(step, Path(f"{step}.png"))
    observer.finish("completed")
    observer.finish("failed")  # the run is over


def whole_life(label: str, steps: tuple[int, ...]) -> list[tuple[Any, ...]]:
    told: list[tuple[Any, ...]] = [(label, "start", "id-1")]
    for step in steps:
        told += [(label, "scalars", step, VALUES), (label, "images", step, Path(f"{step}.png"))]
    return [*told, (label, "finish", "completed")]


def test_a_logger_is_told_everything_once(
    calls: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    live(LoggersObserver([Notes()], description()))
    assert calls == whole_life("a", (10, 20, 30))
    assert capsys.readouterr().out == ""  # stdout is for data


@pytest.mark.parametrize(("resumed_from", "sent_until"), [(20, None), (10, 20), (20, 10)])
def test_a_resumed_run_sends_no_step_twice(
    calls: list[tuple[Any, ...]], resumed_from: int, sent_until: int | None
) -> None:
    live(LoggersObserver([Notes()], description(resumed_from), sent_until))
    assert calls == whole_life("a", (30,))


@pytest.mark.parametrize("exits", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_a_failing_logger_is_reported_once_and_harms_nobody(
    calls: list[tuple[Any, ...]], caplog: pytest.LogCaptureFixture, method: str, exits: bool
) -> None:
    live(
        LoggersObserver([Notes(label="bad", fails_in=method, exits=exits), Notes()], description())
    )
    failure = "SystemExit: 3" if exits else "RuntimeError: no network"
    assert [r.getMessage() for r in caplog.records] == [f"logger 'notes' failed: {failure}"]
    assert [call for call in calls if call[0] == "a"] == whole_life("a", (10, 20, 30))
    bad = [call for call in calls if call[0] == "bad"]
    assert bad == (whole_life("bad", (10, 20, 30)) if method != "start" else bad[:1])
    assert bad


def test_a_stop_by_hand_is_not_swallowed() -> None:
    class Slow(Notes):
        @override
        def start(self, run: RunDescription) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LoggersObserver([Slow()], description()).start()
