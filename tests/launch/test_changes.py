"""What has changed since a run was begun is shown, and refused where it alters the training."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import gantool
from gantool.errors import DataError, UsageError
from gantool.launch.session import circumstances
from gantool.registry.catalog import Catalog, installed
from gantool.registry.plugin import Plugin

Write = Callable[..., Path]
Cut = Callable[..., Path]


@pytest.fixture
def cut_run(write_recipe: Write, tmp_path: Path) -> Cut:
    """Return what makes a run of 8 steps that has come to step 4."""

    def make(**tables: Any) -> Path:
        run = gantool.run(write_recipe(**tables), out=tmp_path / "run", level="quiet").folder.path
        for step in (6, 8):
            shutil.rmtree(run / "checkpoints" / f"step-{step:08d}")
        return run

    return make


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("optimizer.learning_rate=0.01", "optimizer.learning_rate  0.001 -> 0.01"),
        ("training.batch_size=4", "training.batch_size  6 -> 4"),
        ("training.seed=1", "training.seed  0 -> 1"),
        ("ema.half_life_images=30", "ema.half_life_images  - -> 30.0"),
        ("regularizers.l2.weight_decay=0.1", "regularizers.l2.weight_decay  0.001 -> 0.1"),
    ],
)
def test_what_alters_the_training_is_refused(cut_run: Cut, change: str, line: str) -> None:
    run = cut_run(regularizers=[{"use": "l2", "weight_decay": 1e-3}])
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="would not be the one that was begun") as caught:
        gantool.resume(run, [change], level="quiet")
    assert "since step 4" in caught.value.message
    assert line in caught.value.message
    assert "--override" in str(caught.value.hint)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_an_edited_recipe_is_noticed_and_can_be_insisted_on(
    cut_run: Cut, caplog: pytest.LogCaptureFixture
) -> None:
    run = cut_run()
    recipe = run / "recipe.toml"
    text = recipe.read_text()
    assert "learning_rate = 0.001" in text
    recipe.write_text(text.replace("learning_rate = 0.001", "learning_rate = 0.5"))
    with pytest.raises(UsageError, match=r"learning_rate +0.001 -> 0.5"):
        gantool.resume(run, level="quiet")
    trained = gantool.resume(run, override=True, level="quiet")
    assert trained.step == 8
    assert "goes on altered, from step 4" in caplog.text
    gantool.resume(run, steps=10, level="quiet")  # what was insisted on once is the run's own now


def test_what_an_older_gantool_did_not_tell_does_not_stop_its_run(
    cut_run: Cut, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def older(*arguments: Any) -> dict[str, Any]:
        told = copy.deepcopy(circumstances(*arguments))
        del told["recipe"]["training"]["accumulate"], told["computing"]["processor"]
        return told

    with monkeypatch.context() as patched:
        patched.setattr("gantool.launch.session.circumstances", older)
        run = cut_run()
    recipe = run / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("accumulate = 1\n", ""))
    with pytest.raises(UsageError, match=r"training.accumulate +- -> 2"):
        gantool.resume(run, ["training.accumulate=2"], level="quiet")
    assert gantool.resume(run, level="quiet").step == 8
    assert caplog.text == ""


def test_what_only_alters_bits_is_a_warning(cut_run: Cut, caplog: pytest.LogCaptureFixture) -> None:
    run, threads = cut_run(), torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert gantool.resume(run, ["device.layout=contiguous"], level="quiet").step == 8
    finally:
        torch.set_num_threads(threads)
    assert "the last bits will differ" in caplog.text
    assert f"threads  {threads} -> {threads + 1}" in caplog.text
    assert "layout   channels_last -> contiguous_format" in caplog.text


def test_another_kind_of_cpu_is_a_warning(
    cut_run: Cut, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, capability = cut_run(), torch.backends.cpu.get_cpu_capability()
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    assert gantool.resume(run, level="quiet").step == 8
    assert "the last bits will differ" in caplog.text
    assert re.search(
        rf"processor  (.+), {capability} -> \1, DEFAULT, ONEDNN_MAX_CPU_ISA=SSE41", caplog.text
    )


def test_what_is_of_no_consequence_passes_in_silence(
    cut_run: Cut, caplog: pytest.LogCaptureFixture
) -> None:
    changes = ["checkpoints.keep_last=2", "sampling.count=9", "health.policy=off"]
    assert gantool.resume(cut_run(), changes, level="quiet").step == 8
    assert caplog.text == ""


def test_another_version_of_a_plugin_is_refused(
    cut_run: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = cut_run()

    def newer(plugin: Plugin) -> Plugin:
        version = "9.9" if plugin.name == "losses" else plugin.version
        fields = {name: getattr(plugin, name) for name in plugin.__dataclass_fields__}
        return Plugin(**{**fields, "version": version})

    catalog = Catalog(map(newer, installed().plugins))
    monkeypatch.setattr("gantool.registry.catalog.installed", lambda: catalog)
    with pytest.raises(UsageError, match=r"plugin losses +gantool .* -> gantool 9.9"):
        gantool.resume(run, level="quiet")


def test_other_images_are_refused_unless_insisted_on(
    cut_run: Cut, pictures: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = cut_run()
    shutil.copy(pictures / "dark" / "0.png", pictures / "dark" / "copy.png")
    with pytest.raises(DataError, match="images have changed") as caught:
        gantool.resume(run, level="quiet")
    assert "--override" in str(caught.value.hint)
    assert gantool.resume(run, override=True, level="quiet").step == 8
    assert "26 then" in caplog.text


def test_more_epochs_extend_a_run(write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe(training={"steps": 8})
    gantool.run(recipe, out=tmp_path / "run", level="quiet")
    extended = gantool.resume(tmp_path / "run", ["training.epochs=3"], level="quiet")
    whole = gantool.run(recipe, ["training.epochs=3"], out=tmp_path / "whole", level="quiet")
    assert extended.step == whole.step == 12  # 26 images in batches of 6, the last one dropped
    assert torch.equal(extended.sample(4), whole.sample(4))
    assert extended.folder.metrics.read_bytes() == whole.folder.metrics.read_bytes()


@pytest.mark.parametrize(
    "follower",
    [
        {"optimizer": {"use": "adam", "schedule": "linear"}},
        {"regularizers": [{"use": "instance-noise"}]},
        {"ema": {"half_life_images": {"start": 0.0, "end": 20.0}}},
        {"optimizer": {"use": "adam", "betas": [0.5, {"start": 0.9, "end": 0.99}]}},
    ],
)
def test_a_run_whose_progress_is_followed_is_extended_only_by_insisting(
    write_recipe: Write, tmp_path: Path, follower: dict[str, Any]
) -> None:
    gantool.run(write_recipe(**follower), out=tmp_path / "run", level="quiet")
    with pytest.raises(UsageError, match=r"training.steps +8 -> 12"):
        gantool.resume(tmp_path / "run", steps=12, level="quiet")
    assert gantool.resume(tmp_path / "run", steps=12, override=True, level="quiet").step == 12


def test_a_run_that_started_from_another_is_resumed_without_it(
    write_recipe: Write, tmp_path: Path
) -> None:
    first = gantool.run(write_recipe(), out=tmp_path / "first", level="quiet")
    override = f'training.start_from="{first.folder.path}"'
    gantool.run(write_recipe("next"), [override], out=tmp_path / "second", level="quiet")
    shutil.rmtree(first.folder.path)
    assert gantool.resume(tmp_path / "second", steps=10, level="quiet").step == 10
