from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from typing_extensions import override

from gantool.interfaces.logger import Logger, RunDescription
from gantool.reporting.loggers import LoggersObserver, SentSteps
from gantool.training.observers import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.quick

VALUES = {"discriminator_loss": 0.5, "generator_loss": 2.0}
METHODS = ("start", "scalars", "images", "finish")
Calls = list[tuple[Any, ...]]


class Notes(Logger):
    """Notes every call, and fails in the method it is told to."""

    name = "notes"
    calls: ClassVar[Calls] = []
    ends: ClassVar[list[int | None]] = []
    label: str = "a"
    fails_in: str = ""
    exits: bool = False
    drops: bool = False

    def note(self, method: str, *details: Any) -> None:
        self.calls.append((self.label, method, *details))
        print("a logger prints")
        if method == self.fails_in:
            raise SystemExit(3) if self.exits else RuntimeError("no network")

    @override
    def start(self, run: RunDescription) -> None:
        self.note("start", run.identifier)
        self.ends.append(run.sent_until)

    @override
    def rewind(self, step: int) -> bool:
        self.note("rewind", step)
        return self.drops

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
def calls() -> Calls:
    Notes.calls.clear()
    Notes.ends.clear()
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


def whole_life(label: str, steps: tuple[int, ...]) -> Calls:
    told: Calls = [(label, "start", "id-1")]
    for step in steps:
        told += [(label, "scalars", step, VALUES), (label, "images", step, Path(f"{step}.png"))]
    return [*told, (label, "finish", "completed")]


def test_a_logger_is_told_everything_once(calls: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    live(LoggersObserver([Notes()], description()))
    assert calls == whole_life("a", (10, 20, 30))
    assert capsys.readouterr().out == ""  # stdout is for data


def steps_of(calls: Calls, label: str, method: str) -> list[int]:
    return [call[2] for call in calls if call[:2] == (label, method)]


def process(file: Path, resumed_from: int, until: int, *rollbacks: tuple[int, int]) -> None:
    """Take steps up to one and die; a rollback is a step and the checkpoint to go back to."""
    loggers = [Notes(label="keeps"), Notes(label="drops", drops=True)]
    observer = LoggersObserver(loggers, description(resumed_from), SentSteps(file))
    observer.start()
    observer.restored(resumed_from, {})
    step, back = resumed_from, dict(rollbacks)
    while step < until:
        step += 5
        observer.images(step, Path(f"{step}.png"))
        if step % 10 == 0:
            observer.at_log(Record(step, step / 68, VALUES))
        if step in back:
            observer.restored(step := back.pop(step), {})


def test_after_kills_and_rollbacks_no_step_is_kept_twice(calls: Calls, tmp_path: Path) -> None:
    """Two kills in a row and a rollback, all of them before the next checkpoint at step 50."""
    file = tmp_path / "loggers.json"
    process(file, 0, 45, (35, 20))
    process(file, 20, 25)
    process(file, 20, 60)
    assert Notes.ends == [None, None, 45, 45, 45, 25]
    assert steps_of(calls, "keeps", "scalars") == [10, 20, 30, 40, 50, 60]
    assert steps_of(calls, "keeps", "images") == list(range(5, 65, 5))
    assert steps_of(calls, "keeps", "rewind") == [20, 20, 20]
    for method, every in (("scalars", 10), ("images", 5)):
        table: list[int] = []
        for label, told, *details in calls:
            if label == "drops" and told == "rewind":
                table = [step for step in table if step <= details[0]]
            elif label == "drops" and told == method:
                table.append(details[0])
        assert table == list(range(every, 65, every))


def test_a_logger_that_was_added_later_is_told_what_it_has_not_seen(
    calls: Calls, tmp_path: Path
) -> None:
    file = tmp_path / "loggers.json"
    first = LoggersObserver([Notes(label="first")], description(), SentSteps(file))
    first.start()
    first.at_log(Record(30, 0.5, VALUES))
    loggers = [Notes(label="first"), Notes(label="second")]
    both = LoggersObserver(loggers, description(10), SentSteps(file))
    both.start()
    both.restored(10, {})
    both.at_log(Record(20, 0.4, VALUES))
    both.at_log(Record(40, 0.6, VALUES))
    assert Notes.ends == [None, 30, None]
    assert steps_of(calls, "first", "scalars") == [30, 40]
    assert steps_of(calls, "second", "scalars") == [20, 40]


@pytest.mark.parametrize(
    "content", [b"", b"[1", b"[]", b'{"notes": 3}', b'{"notes": {"scalars": "x"}}']
)
def test_a_damaged_note_of_what_was_sent_costs_nothing_but_the_note(
    calls: Calls, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "loggers.json"
    file.write_bytes(content)
    live(LoggersObserver([Notes()], description(), SentSteps(file)))
    assert calls == whole_life("a", (10, 20, 30))
    assert json.loads(file.read_text())["notes"] == {"scalars": 30, "images": 30}


def test_a_disk_that_takes_no_note_costs_nothing_but_the_note(
    calls: Calls, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "loggers.json").mkdir()
    live(LoggersObserver([Notes()], description(), SentSteps(tmp_path / "loggers.json")))
    assert calls == whole_life("a", (10, 20, 30))
    assert {record.getMessage() for record in caplog.records} == {
        f"{tmp_path / 'loggers.json'} cannot be read: not a plain file",
        "loggers.json could not be written: Is a directory",
    }


@pytest.mark.parametrize("exits", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_a_failing_logger_is_reported_once_and_harms_nobody(
    calls: Calls, caplog: pytest.LogCaptureFixture, method: str, exits: bool
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
