"""Whole runs, from a recipe on disk to the files they leave."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

import gantool
from gantool.errors import DataError, DivergedError, UsageError
from gantool.launch import dry_run

Write = Callable[..., Path]

FULL = {
    "ema": {"half_life_images": 30},
    "image": {"size": 16, "horizontal_flip": True},
    "regularizers": [{"use": "spectral-norm"}, {"use": "l2", "weight_decay": 1e-3}],
}


def contents(run: Path) -> dict[str, bytes]:
    """Return what must not depend on time: figures and pictures."""
    files = [run / "metrics.jsonl", *sorted((run / "samples").glob("*.png"))]
    return {path.name: path.read_bytes() for path in files}


def weights(run: Path) -> dict[str, torch.Tensor]:
    newest = max((run / "checkpoints").glob("step-*"))
    state = torch.load(newest / "state.pt", weights_only=True)
    tensors: dict[str, torch.Tensor] = {}
    for owner in ("networks", "optimizers", "average"):
        flatten(owner, state[owner], tensors)
    assert tensors
    return tensors


def flatten(name: str, value: object, into: dict[str, torch.Tensor]) -> None:
    if isinstance(value, torch.Tensor):
        into[name] = value
    elif isinstance(value, dict):
        for key, inner in value.items():
            flatten(f"{name}.{key}", inner, into)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            flatten(f"{name}.{index}", inner, into)


def assert_same(one: Path, other: Path) -> None:
    assert contents(one) == contents(other)
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_a_run_does_not_wait_for_torchs_compiler(write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe(training={"steps": 2}, ema={"half_life_images": 30})
    code = (
        "import sys, gantool; run = gantool.run(sys.argv[1], out=sys.argv[2], level='quiet'); "
        "assert run.folder.curves.is_file(); sys.exit('torch._dynamo' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(recipe), str(tmp_path / "run")]
    assert subprocess.run(command, check=False).returncode == 0


def test_run_leaves_everything_it_was_and_made(write_recipe: Write, tmp_path: Path) -> None:
    run = gantool.run(write_recipe(), out=tmp_path / "run", level="quiet")
    folder = run.folder
    assert json.loads(folder.description.read_text())["outcome"] == "completed"
    records = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert [record["step"] for record in records] == [2, 4, 6, 8]
    assert records[-1]["epoch"] == 8 / 4  # 26 images, batches of 6, the last one dropped
    assert not any("second" in key or "time" in key for key in records[0])
    timing = [json.loads(line) for line in folder.timing.read_text().splitlines()]
    assert [record["step"] for record in timing] == [2, 4, 6, 8]
    assert timing[0]["images_per_second"] > 0
    with Image.open(folder.curves) as curves:
        assert curves.size[0] > 400
    assert folder.sample_grid(8).is_file()
    assert json.loads(folder.environment.read_text())[0]["gantool"] == gantool.__version__
    again = gantool.run(folder.recipe, out=tmp_path / "again", level="quiet")
    assert_same(folder.path, again.folder.path)


def test_samples_follow_from_seed_and_not_from_count(write_recipe: Write, tmp_path: Path) -> None:
    run = gantool.run(write_recipe(**FULL), out=tmp_path / "run", level="quiet")
    images = run.sample(70, seed=3)
    assert images.shape == (70, 3, 16, 16)
    assert images.dtype == torch.float32
    assert images.abs().max() <= 1
    loaded = gantool.load(tmp_path / "run")
    assert torch.equal(loaded.sample(70, seed=3), images)
    assert torch.allclose(loaded.sample(5, seed=3), images[:5], atol=1e-6)
    assert not torch.equal(loaded.sample(5, seed=4), images[:5])
    with pytest.raises(UsageError, match="no classes"):
        run.sample(1, label="bright")


@pytest.mark.parametrize("step", [0, 2, 6])
def test_resumed_run_is_the_uninterrupted_one(
    write_recipe: Write, tmp_path: Path, step: int
) -> None:
    recipe = write_recipe(**FULL)
    whole = gantool.run(recipe, out=tmp_path / "whole", level="quiet").folder.path
    cut = tmp_path / "cut"
    shutil.copytree(whole, cut)
    for checkpoint in (cut / "checkpoints").glob("step-*"):
        if int(checkpoint.name.removeprefix("step-")) > step:
            shutil.rmtree(checkpoint)
    for grid in (cut / "samples").glob("*.png"):
        grid.unlink()
    with (cut / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9, "torn')
    gantool.resume(cut, level="quiet")
    after = {name: data for name, data in contents(whole).items() if not name.startswith("step")}
    assert after.items() <= contents(cut).items()
    assert (cut / "samples/step-00000008.png").read_bytes() == (
        whole / "samples/step-00000008.png"
    ).read_bytes()
    first, second = weights(whole), weights(cut)
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_resuming_a_finished_run_changes_nothing(write_recipe: Write, tmp_path: Path) -> None:
    run = gantool.run(write_recipe(), out=tmp_path / "run", level="quiet").folder.path
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    gantool.resume(run, level="quiet")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_longer_run_is_the_same_as_an_extended_one(write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe(**FULL)
    gantool.run(recipe, out=tmp_path / "extended", level="quiet")
    extended = gantool.resume(tmp_path / "extended", steps=12, level="quiet")
    assert extended.step == 12
    whole = gantool.run(recipe, ["training.steps=12"], out=tmp_path / "whole", level="quiet")
    assert extended.folder.metrics.read_bytes() == whole.folder.metrics.read_bytes()
    first, second = weights(extended.folder.path), weights(whole.folder.path)
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_folder_that_holds_a_run_is_refused(write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe()
    gantool.run(recipe, out=tmp_path / "run", level="quiet")
    with pytest.raises(UsageError, match="holds a run already") as caught:
        gantool.run(recipe, out=tmp_path / "run", level="quiet")
    assert f"gantool resume {tmp_path / 'run'}" in str(caught.value)


def test_dry_run_leaves_nothing(
    write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write_recipe()
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    dry_run(recipe, level="quiet")
    assert sorted(tmp_path.rglob("*")) == before


def test_conditional_run_draws_the_class_that_is_asked_for(
    write_recipe: Write, tmp_path: Path
) -> None:
    recipe = write_recipe(training={"conditional": True, "steps": 2})
    run = gantool.run(recipe, out=tmp_path / "run", level="quiet")
    assert run.classes == ("bright", "dark")
    by_name, by_number = run.sample(4, label="dark"), run.sample(4, label=1)
    assert torch.equal(by_name, by_number)
    assert not torch.equal(by_name, run.sample(4, label="bright"))
    with pytest.raises(UsageError, match="no class 'dim'"):
        run.sample(1, label="dim")


def test_unlabeled_image_in_a_conditional_run_is_named(
    write_recipe: Write, pictures: Path, tmp_path: Path
) -> None:
    shutil.copy(next(pictures.glob("dark/*.png")), pictures / "loose.png")
    with pytest.raises(DataError, match=r"loose\.png|no label|no class"):
        gantool.run(
            write_recipe(training={"conditional": True}), out=tmp_path / "run", level="quiet"
        )
    assert not (tmp_path / "run").exists()


def test_corrupt_image_among_good_ones_is_skipped_by_name(
    write_recipe: Write, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "dark" / "bro\tken\n.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    run = gantool.run(write_recipe(training={"steps": 1}), out=tmp_path / "run", level="quiet")
    (line,) = run.folder.skipped.read_text().splitlines()
    assert line.split("\t")[0] == r"dark/bro\tken\n.png"


def test_changed_images_stop_a_resume(write_recipe: Write, pictures: Path, tmp_path: Path) -> None:
    run = gantool.run(write_recipe(), out=tmp_path / "run", level="quiet").folder.path
    shutil.copy(pictures / "dark" / "0.png", pictures / "dark" / "copy.png")
    with pytest.raises(DataError, match="images have changed"):
        gantool.resume(run, steps=12, level="quiet")


def test_starting_from_a_run_takes_its_networks(write_recipe: Write, tmp_path: Path) -> None:
    first = gantool.run(write_recipe(), out=tmp_path / "first", level="quiet")
    override = f'training.start_from="{first.folder.path}"'
    second = gantool.run(write_recipe("next"), [override], out=tmp_path / "second", level="quiet")
    start = torch.load(second.folder.checkpoints / "step-00000000" / "state.pt", weights_only=True)
    for name, tensor in weights(first.folder.path).items():
        if name.startswith("networks."):
            _, player, key = name.split(".", 2)
            assert torch.equal(start["networks"][player][key], tensor), name
    with pytest.raises(UsageError, match="discriminator there cannot be taken over"):
        gantool.run(
            write_recipe("wider", architecture={"width": 8}),
            [override],
            out=tmp_path / "third",
            level="quiet",
        )


def test_divergence_stops_the_run_and_is_never_saved(write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe(optimizer={"use": "sgd", "learning_rate": 1e30})
    with pytest.raises(DivergedError):
        gantool.run(recipe, out=tmp_path / "run", level="quiet")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["outcome"] == "failed"
    for name, tensor in weights(tmp_path / "run").items():
        assert tensor.isfinite().all(), name


def test_damaged_checkpoint_is_named_and_the_one_before_is_used(
    write_recipe: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = gantool.run(write_recipe(), out=tmp_path / "run", level="quiet").folder.path
    state = run / "checkpoints" / "step-00000008" / "state.pt"
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(data)
    assert gantool.load(run).step == 6
    assert "step-00000008" in caplog.text
    assert "SHA-256" in caplog.text
