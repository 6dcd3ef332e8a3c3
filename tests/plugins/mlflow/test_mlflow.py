"""What the logger `mlflow` tells the library: a stand-in of its module, and the real one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from PIL import Image

from gantool import MissingExtraError, RunDescription
from gantool.reporting.loggers import LoggersObserver, SentSteps
from gantool.training.observers import Record
from gantool_mlflow.plugin import MLflow

VALUES = {"generator_loss": 0.5, "penalty/r1": 2.0}
RECIPE = {
    "image": {"size": 16},
    "regularizers": [{"use": "r1", "gamma": 5.0}, {"use": "l2"}],
    "sampling": {"at_epochs": [1.0, 2.0]},
}
OPTIONS = {
    "image.size": "16",
    "regularizers.0.use": "r1",
    "regularizers.0.gamma": "5.0",
    "regularizers.1.use": "l2",
    "sampling.at_epochs": "[1.0, 2.0]",
}


class Metric(NamedTuple):
    """As in mlflow.entities."""

    key: str
    value: float
    timestamp: int
    step: int


class Param(NamedTuple):
    """As in mlflow.entities."""

    key: str
    value: str


@dataclass
class FakeRun:
    """What a server keeps of a run; options cannot be changed, metrics come as often as sent."""

    experiment: str
    tags: Mapping[str, str]
    name: str
    status: str = "RUNNING"
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[Metric] = field(default_factory=list)
    images: list[int] = field(default_factory=list)


class FakeClient:
    """The part of MLflow's client that the logger uses; what it keeps, it keeps by address."""

    servers: dict[str, FakeClient]

    def __new__(cls, tracking_uri: str) -> FakeClient:
        return cls.servers.setdefault(tracking_uri, super().__new__(cls))

    def __init__(self, tracking_uri: str) -> None:
        if not hasattr(self, "runs"):
            self.runs: list[FakeRun] = []
            self.experiments: dict[str, str | None] = {}

    def get_experiment_by_name(self, name: str) -> Any:
        return SimpleNamespace(experiment_id=name) if name in self.experiments else None

    def create_experiment(self, name: str, artifact_location: str | None) -> str:
        self.experiments[name] = artifact_location
        return name

    def search_runs(self, experiments: Sequence[str], filter_string: str) -> list[Any]:
        found = [
            index
            for index, run in enumerate(self.runs)
            if run.experiment in experiments
            and filter_string in {f"tags.`{key}` = '{value}'" for key, value in run.tags.items()}
        ]
        return [SimpleNamespace(info=SimpleNamespace(run_id=str(index))) for index in found]

    def create_run(self, experiment: str, tags: Mapping[str, str], run_name: str) -> Any:
        self.runs.append(FakeRun(experiment, tags, run_name))
        return SimpleNamespace(info=SimpleNamespace(run_id=str(len(self.runs) - 1)))

    def update_run(self, run_id: str, status: str) -> None:
        self.runs[int(run_id)].status = status

    set_terminated = update_run

    def log_batch(
        self, run_id: str, metrics: Sequence[Metric] = (), params: Sequence[Param] = ()
    ) -> None:
        assert len(params) <= 100
        run = self.runs[int(run_id)]
        assert not run.params.keys() & dict(params).keys()
        run.params.update(params)
        run.metrics.extend(metrics)

    def log_image(self, run_id: str, image: Image.Image, key: str, step: int) -> None:
        assert key == "samples"
        assert image.size == (16, 16)
        self.runs[int(run_id)].images.append(step)


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeClient]:
    FakeClient.servers = {}
    mlflow, entities = ModuleType("mlflow"), ModuleType("mlflow.entities")
    vars(mlflow).update(MlflowClient=FakeClient)
    vars(entities).update(Metric=Metric, Param=Param)
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    return FakeClient.servers


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Import the logger's modules anew, and leave the environment as it was."""
    monkeypatch.delitem(sys.modules, "gantool_mlflow.tracking", raising=False)
    before = dict(os.environ)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    yield
    sys.modules.pop("gantool_mlflow.tracking", None)
    os.environ.clear()
    os.environ.update(before)


def description(folder: Path, resumed_from: int = 0) -> RunDescription:
    return RunDescription("0123456789abcdef", "small", folder, RECIPE, resumed_from)


def process(logger: MLflow, folder: Path, first: int, until: int) -> LoggersObserver:
    """Take steps in a new process, with a picture at every fourth step before its figures."""
    folder.mkdir(exist_ok=True)
    grid = folder / "grid.png"
    Image.new("RGB", (16, 16), (200, 60, 20)).save(grid)
    observer = LoggersObserver(
        [logger], description(folder, first), SentSteps(folder / "loggers.json")
    )
    observer.start()
    observer.restored(first, {})
    for step in range(first + 2, until + 1, 2):
        if step % 4 == 0:
            observer.images(step, grid)
        observer.at_log(Record(step, step / 4, VALUES))
    return observer


def test_a_killed_and_resumed_run_finds_itself_and_sends_each_step_once(
    servers: dict[str, FakeClient], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    process(MLflow(tracking_uri="http://here", experiment="art"), tmp_path / "other", 0, 2)
    servers["http://here"].runs[0].tags = {"gantool.run": "another"}
    process(MLflow(tracking_uri="http://here", experiment="art"), tmp_path / "run", 0, 10)  # killed
    observer = process(
        MLflow(tracking_uri="http://here", experiment="art"), tmp_path / "run", 4, 14
    )
    observer.restored(6, {})  # a rollback
    observer.at_log(Record(8, 2, VALUES))
    assert not caplog.records
    _, run = servers["http://here"].runs
    assert run.status == "RUNNING"
    observer.finish("completed")
    assert (run.status, run.name, run.experiment) == ("FINISHED", "small", "art")
    assert run.params == OPTIONS
    for name, value in VALUES.items():
        steps = [metric.step for metric in run.metrics if metric.key == name]
        assert steps == list(range(2, 15, 2))
        assert {metric.value for metric in run.metrics if metric.key == name} == {value}
    assert run.images == [4, 8, 12]


@pytest.mark.parametrize(
    ("outcome", "status"), [("completed", "FINISHED"), ("stopped", "KILLED"), ("failed", "FAILED")]
)
def test_the_outcome_becomes_a_status(
    servers: dict[str, FakeClient], tmp_path: Path, outcome: str, status: str
) -> None:
    process(MLflow(tracking_uri="http://here"), tmp_path / "run", 0, 2).finish(outcome)
    assert [run.status for run in servers["http://here"].runs] == [status]


def test_without_an_address_runs_share_a_folder_beside_them(
    servers: dict[str, FakeClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process(MLflow(), tmp_path / "run", 0, 2)
    local = f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}"
    assert servers[local].experiments == {"gantool": (tmp_path / "mlflow" / "artifacts").as_uri()}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://there")
    process(MLflow(), tmp_path / "run", 0, 2)
    assert servers["http://there"].experiments == {"gantool": None}


def test_names_that_it_would_refuse_are_spelled_otherwise(
    servers: dict[str, FakeClient], tmp_path: Path
) -> None:
    logger = MLflow(tracking_uri="http://here")
    logger.start(description(tmp_path))
    logger.scalars(2, {"fid@10k": 3.0})
    (run,) = servers["http://here"].runs
    assert [metric.key for metric in run.metrics] == ["fid-10k"]


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError) as error:
        MLflow().start(description(tmp_path / "run"))
    assert error.value.hint == "pip install 'gantool[mlflow]'"
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    find_spec("mlflow") is None or find_spec("sqlalchemy") is None, reason="MLflow is not installed"
)
@pytest.mark.filterwarnings("default")
def test_the_real_library_keeps_each_step_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    process(MLflow(), tmp_path / "run", 0, 10).finish("stopped")
    process(MLflow(), tmp_path / "run", 4, 14).finish("completed")
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("gantool")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params == OPTIONS
    history = client.get_metric_history(run.info.run_id, "penalty/r1")
    assert sorted(metric.step for metric in history) == list(range(2, 15, 2))
    images = list((tmp_path / "mlflow" / "artifacts").glob("*/artifacts/images/samples*.png"))
    assert len(images) == 3
