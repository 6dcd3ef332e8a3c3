"""What the logger `wandb` tells the library: a stand-in of its module, and the real one offline."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from PIL import Image

from gantool import MissingExtraError, RunDescription
from gantool.reporting.loggers import LoggersObserver, SentSteps
from gantool.training.observers import Record
from gantool_wandb.plugin import FLUSH, WeightsAndBiases

VALUES = {"generator_loss": 0.5, "penalty/r1": 2.0}
RECIPE = {"image": {"size": 16}}


def description(folder: Path, resumed_from: int = 0) -> RunDescription:
    return RunDescription("0123456789abcdef", "small", folder, RECIPE, resumed_from)


@dataclass
class FakeRun:
    """Keeps rows the way wandb does: a step is closed by a commit or by a later step."""

    options: Mapping[str, Any]
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    closed_until: int = -1
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None

    def log(self, values: Mapping[str, Any], step: int, commit: bool = False) -> None:
        assert step > self.closed_until, f"step {step} is closed"
        row = self.rows.setdefault(step, {})
        assert not row.keys() & values.keys(), f"sent twice: {row.keys() & values.keys()}"
        row.update(values)
        self.closed_until = step if commit else max(self.closed_until, step - 1)

    def finish(self, exit_code: int) -> None:
        self.exit_code = exit_code


class FakeSettings:
    """Takes the settings it knows and no others."""

    model_fields: ClassVar[dict[str, object]] = dict.fromkeys(
        ("console", "silent", "init_timeout", "finish_timeout", *FLUSH)
    )

    def __init__(self, **settings: object) -> None:
        assert settings.keys() <= self.model_fields.keys()


class FakeWandb(ModuleType):
    """The part of wandb that the logger uses; a run that is begun again keeps its rows."""

    class Error(Exception):
        """wandb's own."""

    Settings = FakeSettings
    Image: ClassVar[type[str]] = str

    def __init__(self, *, has_key: bool, answers: bool = True) -> None:
        super().__init__("wandb")
        self.has_key, self.answers = has_key, answers
        self.runs: dict[str, FakeRun] = {}
        self.begun: list[FakeRun] = []

    def login(self, *, prompt: bool) -> bool:
        assert not prompt
        return self.has_key

    def init(self, **options: Any) -> FakeRun:
        assert options["resume"] == "allow"
        if options["mode"] == "online" and not self.answers:
            raise self.Error("no such host")
        run = self.runs.setdefault(options["id"], FakeRun(options))
        run.options = options
        self.begun.append(run)
        return run


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Any:
    def installed(**state: bool) -> FakeWandb:
        module = FakeWandb(**state)
        monkeypatch.setitem(sys.modules, "wandb", module)
        return module

    return installed


def picture(folder: Path) -> Path:
    path = folder / "grid.png"
    Image.new("RGB", (16, 16), (200, 60, 20)).save(path)
    return path


def process(logger: WeightsAndBiases, folder: Path, first: int, until: int) -> LoggersObserver:
    """Take steps in a new process, with a picture at every fourth step before its figures."""
    observer = LoggersObserver(
        [logger], description(folder, first), SentSteps(folder / "loggers.json")
    )
    observer.start()
    observer.restored(first, {})
    for step in range(first + 2, until + 1, 2):
        if step % 4 == 0:
            observer.images(step, picture(folder))
        observer.at_log(Record(step, step / 4, VALUES))
    return observer


def test_a_killed_and_resumed_run_is_one_run_with_each_step_once(
    install: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wandb = install(has_key=False)
    process(WeightsAndBiases(project="paintings", entity="us"), tmp_path, 0, 10)  # is killed
    observer = process(WeightsAndBiases(project="paintings", entity="us"), tmp_path, 4, 14)
    observer.restored(6, {})  # a rollback
    observer.at_log(Record(8, 2, VALUES))
    observer.finish("completed")
    assert not caplog.records
    (run,) = wandb.runs.values()
    assert list(run.rows) == list(range(2, 15, 2))
    assert {step for step, row in run.rows.items() if "samples" in row} == {4, 8, 12}
    assert all(VALUES.items() <= row.items() for row in run.rows.values())
    assert run.closed_until == 14  # a kill right after this would lose nothing
    assert run.exit_code == 0
    assert run.summary == {"outcome": "completed"}
    expected = {
        "id": "0123456789abcdef",
        "name": "small",
        "project": "paintings",
        "entity": "us",
        "dir": str(tmp_path),
        "config": RECIPE,
    }
    assert expected.items() <= run.options.items()


@pytest.mark.parametrize(
    ("has_key", "answers", "mode", "expected"),
    [
        (False, True, None, "offline"),
        (True, True, None, "online"),
        (True, False, None, "offline"),
        (True, True, "offline", "offline"),
        (False, True, "online", "online"),
    ],
)
def test_it_is_online_where_that_can_be(
    install: Any, tmp_path: Path, has_key: bool, answers: bool, mode: Any, expected: str
) -> None:
    wandb = install(has_key=has_key, answers=answers)
    WeightsAndBiases(mode=mode).start(description(tmp_path))
    assert [run.options["mode"] for run in wandb.begun] == [expected]


def test_a_server_that_was_asked_for_and_does_not_answer_is_reported(
    install: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wandb = install(has_key=True, answers=False)
    process(WeightsAndBiases(mode="online"), tmp_path, 0, 4).finish("completed")
    assert [r.getMessage() for r in caplog.records] == [
        "logger 'wandb' failed: Error: no such host"
    ]
    assert not wandb.begun


def test_a_failed_run_is_marked_so(install: Any, tmp_path: Path) -> None:
    wandb = install(has_key=False)
    process(WeightsAndBiases(), tmp_path, 0, 2).finish("failed")
    assert wandb.begun[0].exit_code == 1


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError) as error:
        WeightsAndBiases().start(description(tmp_path))
    assert error.value.hint == "pip install 'gantool[wandb]'"
    assert not list(tmp_path.iterdir())


def records(path: Path) -> Iterator[Any]:
    """Yield the records of a .wandb file: LevelDB's log format behind a heading of seven bytes."""
    from wandb.proto import wandb_internal_pb2

    data, at, whole = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        size, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        if left < 7 or kind == 0:
            at += left
            continue
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # a whole record, or the last part of one
            yield wandb_internal_pb2.Record.FromString(whole)
            whole = b""


@pytest.mark.skipif(find_spec("wandb") is None, reason="wandb is not installed")
@pytest.mark.filterwarnings("default")
def test_the_real_library_keeps_each_step_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    process(WeightsAndBiases(mode="offline"), tmp_path, 0, 10).finish("stopped")
    process(WeightsAndBiases(mode="offline"), tmp_path, 4, 14).finish("completed")
    files = sorted(tmp_path.glob("wandb/offline-run-*/run-0123456789abcdef.wandb"))
    assert len({file.parent for file in files}) == len(files) == 2
    rows: list[dict[str, Any]] = []
    for record in (record for file in files for record in records(file)):
        if record.WhichOneof("record_type") == "history":
            items = record.history.item
            names = [item.key or ".".join(item.nested_key) for item in items]
            rows.append(
                dict(zip(names, (json.loads(item.value_json) for item in items), strict=True))
            )
    assert [row["_step"] for row in rows] == list(range(2, 15, 2))
    assert all(row["penalty/r1"] == 2.0 for row in rows)
    drawn = [row["_step"] for row in rows if any(name.startswith("samples") for name in row)]
    assert drawn == [4, 8, 12]
