"""Metrics, extractors and loggers of an installed third-party package, in whole runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gantool
from gantool.errors import MissingExtraError, PluginError
from gantool.launch.running import dry_run

Write = Callable[..., Path]

SOURCE = '''
from __future__ import annotations

import asyncio
import json
import os
import tempfile
from pathlib import Path

from pydantic import PositiveInt

from gantool import Component, Extractor, Logger, Metric, hookimpl


class MeanDistance(Metric):
    """Distance of the mean features."""

    name = "mean-distance"
    direction = "lower"

    def compute(self, evidence):
        real, fake = evidence.real.features.mean(0), evidence.fake.features.mean(0)
        held_out = 0 if evidence.held_out is None else len(evidence.held_out.images)
        return {
            "value": float((real - fake).norm()),
            "features": float(real.numel()),
            "held_out": float(held_out),
            "fakes": float(len(evidence.fake.images)),
            "chance": float(evidence.random.initial_seed()),
        }


class ChannelMeans(Extractor):
    """Mean of each channel."""

    name = "channel-means"

    def load(self):
        import torch

        class Means(torch.nn.Module):
            def forward(self, images):
                assert images.dtype == torch.uint8 and images.shape[1] == 3
                return images.float().mean((2, 3))

        return Means()


class Wrong(Extractor):
    """Features of the wrong shape."""

    name = "wrong"

    def load(self):
        import torch

        return torch.nn.Identity()


class Diary(Logger):
    """Writes down what it is told."""

    name = "diary"
    path: Path
    """Where."""
    fails_at: str = ""
    """The call that raises."""
    fault: str = "RuntimeError"
    """What it raises, or "chdir"."""
    lacks: str = ""
    """A package that it needs."""

    def _note(self, call, **values):
        if call == self.fails_at:
            if self.fault == "chdir":
                os.chdir(tempfile.gettempdir())
            else:
                raise eval(self.fault)("the backend is down")
        with self.path.open("a") as file:
            file.write(json.dumps({"call": call, **values}) + "\\n")

    def start(self, run):
        if self.lacks:
            __import__(self.lacks)
        self._note("start", resumed_from=run.resumed_from, name=run.name, id=run.identifier)

    def scalars(self, step, values):
        self._note("scalars", step=step, names=sorted(values), values=dict(values))

    def images(self, step, path):
        self._note("images", step=step, size=path.stat().st_size)

    def finish(self, outcome):
        self._note("finish", outcome=outcome)


@hookimpl
def gantool_components() -> list[type[Component]]:
    return [MeanDistance, ChannelMeans, Wrong, Diary]
'''


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rediscovered: None) -> None:
    """Install a package that brings a metric, two extractors and a logger."""
    site = tmp_path / "site"
    metadata = site / "gantool_diary-1.2.dist-info"
    metadata.mkdir(parents=True)
    (site / "gantool_diary.py").write_text(SOURCE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: gantool-diary\nVersion: 1.2\n")
    (metadata / "entry_points.txt").write_text("[gantool.plugins]\ndiary = gantool_diary\n")
    monkeypatch.syspath_prepend(str(site))


def notes(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.usefixtures("third_party")
def test_metrics_are_computed_on_features_when_they_are_due(
    write_recipe: Write, tmp_path: Path
) -> None:
    recipe = write_recipe(
        metrics=[{"use": "mean-distance"}],
        image={"size": 16, "held_out": 0.2},
        evaluation={"every_epochs": 1, "extractor": "channel-means", "count": 9, "seed": 5},
        training={"steps": 8},
    )
    run = gantool.run(recipe, out=tmp_path / "run", level="quiet")
    scores = notes(run.folder.scores)
    assert [record["step"] for record in scores] == [3, 6, 8]  # 21 images in batches of 6
    last = scores[-1]
    assert last["mean-distance/features"] == 3
    assert last["mean-distance/held_out"] == 5
    assert last["mean-distance/fakes"] == 9
    assert last["mean-distance/chance"] == 5
    rated = {path.parent.name for path in run.folder.checkpoints.glob("*/score.json")}
    assert rated == {"step-00000006", "step-00000008"}  # a checkpoint every 2 steps


@pytest.mark.usefixtures("third_party")
def test_scores_judge_the_images_that_are_there(write_recipe: Write, tmp_path: Path) -> None:
    """One flat gray training set makes the distance a plain function of the fakes."""
    flat = tmp_path / "flat"
    flat.mkdir()
    for index in range(6):
        Image.fromarray(np.full((16, 16, 3), 100, np.uint8)).save(flat / f"{index}.png")
    recipe = write_recipe(
        dataset={"folder": str(flat)},
        metrics=[{"use": "mean-distance"}],
        evaluation={"extractor": "channel-means", "count": 9, "seed": 5},
        training={"steps": 2},
    )
    run = gantool.run(recipe, out=tmp_path / "run", level="quiet")
    pixels = ((run.sample(9, seed=5) + 1) * 127.5).round()
    expected = (pixels.mean((0, 2, 3)) - 100).norm()
    assert notes(run.folder.scores)[-1]["mean-distance/value"] == pytest.approx(float(expected))


@pytest.mark.usefixtures("third_party")
def test_features_of_another_shape_are_refused(write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe(
        metrics=[{"use": "mean-distance"}], evaluation={"extractor": "wrong", "count": 4}
    )
    with pytest.raises(PluginError, match=r"extractor 'wrong' of .* returned a tensor .* features"):
        gantool.run(recipe, out=tmp_path / "run", level="quiet")


@pytest.mark.usefixtures("third_party")
def test_logger_is_told_everything_once(write_recipe: Write, tmp_path: Path) -> None:
    diary = tmp_path / "diary.jsonl"
    recipe = write_recipe(loggers=[{"use": "diary", "path": str(diary)}], training={"steps": 4})
    run = gantool.run(recipe, out=tmp_path / "run", level="quiet")
    gantool.resume(run.folder.path, steps=6, level="quiet")
    told = notes(diary)
    assert [note["resumed_from"] for note in told if note["call"] == "start"] == [0, 4]
    assert len({note["id"] for note in told if note["call"] == "start"}) == 1
    assert [note["step"] for note in told if note["call"] == "scalars"] == [2, 4, 6]
    assert [note["outcome"] for note in told if note["call"] == "finish"] == ["completed"] * 2
    assert {note["step"] for note in told if note["call"] == "images"} >= {4, 6}


@pytest.mark.usefixtures("third_party")
def test_scores_reach_loggers_once_and_with_the_figures_of_their_step(
    write_recipe: Write, tmp_path: Path
) -> None:
    diary = tmp_path / "diary.jsonl"
    recipe = write_recipe(
        loggers=[{"use": "diary", "path": str(diary)}],
        metrics=[{"use": "mean-distance"}],
        evaluation={"every_epochs": 1, "extractor": "channel-means", "count": 4},
        training={"steps": 8, "log_every_steps": 3},
        checkpoints={"every_steps": 4},
    )
    run = gantool.run(recipe, out=tmp_path / "run", level="quiet")
    gantool.resume(run.folder.path, steps=12, level="quiet")
    told = [note for note in notes(diary) if note["call"] == "scalars"]
    steps = [int(str(note["step"])) for note in told]
    assert steps == sorted(set(steps))
    scored = [note for note in told if "score/mean-distance/value" in note["names"]]  # type: ignore[operator]
    records = notes(run.folder.scores)
    assert [note["step"] for note in scored] == [4, 8, 12]  # 26 images in batches of 6
    by_step = {note["step"]: note["values"] for note in scored}
    for record in records:
        values: dict[str, float] = by_step[record["step"]]  # type: ignore[assignment]
        assert values["score/mean-distance/value"] == record["mean-distance/value"]
    assert "generator_loss" in by_step[8]  # type: ignore[operator]
    assert "generator_loss" not in by_step[4]  # type: ignore[operator]


@pytest.mark.usefixtures("third_party")
def test_scores_are_shown_as_they_come_and_at_the_end(
    write_recipe: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(
        metrics=[{"use": "mean-distance"}],
        evaluation={"extractor": "channel-means", "count": 4},
        training={"steps": 2},
    )
    gantool.run(recipe, out=tmp_path / "run")
    told = capsys.readouterr().err.splitlines()
    assert [line for line in told if line.startswith("scores after step 2/2  mean-distance/value ")]
    assert [line for line in told if line.startswith("scores   mean-distance/value ")]


@pytest.mark.usefixtures("third_party")
def test_a_logger_without_its_package_stops_the_run_before_it_begins(
    write_recipe: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logger = {"use": "diary", "path": str(tmp_path / "diary.jsonl"), "lacks": "frobnication"}
    with pytest.raises(MissingExtraError) as caught:
        gantool.run(write_recipe(loggers=[logger]), out=tmp_path / "run", level="quiet")
    assert "logger 'diary' of plugin 'diary' needs a package" in caught.value.message
    assert "install frobnication; or " in (caught.value.hint or "")
    assert "optional = true" in (caught.value.hint or "")
    recipe = write_recipe(loggers=[{**logger, "optional": True}], training={"steps": 2})
    assert gantool.run(recipe, out=tmp_path / "without", level="quiet").step == 2
    assert [r for r in caplog.records if "No module named 'frobnication'" in r.getMessage()]


@pytest.mark.parametrize("name", ["wandb", "tensorboard", "mlflow"])
def test_nothing_is_made_for_a_run_whose_logger_cannot_be(
    write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in list(sys.modules):
        if module.partition(".")[0] in (name, f"gantool_{name}") and module != f"gantool_{name}":
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    recipe = write_recipe(loggers=[{"use": name}])
    for begin in (lambda: gantool.run(recipe, out=tmp_path / "run"), lambda: dry_run(recipe)):
        with pytest.raises(MissingExtraError) as caught:
            begin()
        assert f"pip install 'gantool[{name}]'" in (caught.value.hint or "")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize("call", ["start", "scalars", "images", "finish"])
@pytest.mark.parametrize("fault", ["asyncio.CancelledError", "GeneratorExit", "SystemExit"])
def test_a_logger_that_raises_what_is_no_exception_is_reported_and_the_run_goes_on(
    write_recipe: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture, call: str, fault: str
) -> None:
    path = str(tmp_path / "diary.jsonl")
    logger = {"use": "diary", "path": path, "fails_at": call, "fault": fault}
    recipe = write_recipe(loggers=[logger], training={"steps": 4})
    run = gantool.run(recipe, out=tmp_path / "run", level="quiet")
    assert run.step == 4
    assert run.status.outcome == "completed"
    reports = [record for record in caplog.records if "the backend is down" in record.getMessage()]
    assert len(reports) == 1


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize("call", ["start", "scalars", "images"])
def test_a_logger_that_changes_the_working_folder_scatters_nothing(
    write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = str(tmp_path / "diary.jsonl")
    logger = {"use": "diary", "path": path, "fails_at": call, "fault": "chdir"}
    recipe = write_recipe(loggers=[logger], training={"steps": 4})
    monkeypatch.chdir(tmp_path)
    run = gantool.run(recipe, out="here", level="quiet")
    assert Path.cwd() == tmp_path
    assert (tmp_path / "here" / "run.json").is_file()
    assert run.step == 4


@pytest.mark.usefixtures("third_party")
@pytest.mark.parametrize("call", ["start", "scalars", "images", "finish"])
def test_failing_logger_never_stops_the_run(
    write_recipe: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    logger = {"use": "diary", "path": str(tmp_path / "diary.jsonl"), "fails_at": call}
    recipe = write_recipe(loggers=[logger], training={"steps": 4})
    assert gantool.run(recipe, out=tmp_path / "run", level="quiet").step == 4
    reports = [record for record in caplog.records if "the backend is down" in record.getMessage()]
    assert len(reports) == 1
