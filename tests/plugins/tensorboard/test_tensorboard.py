"""What the logger `tensorboard` writes, read back with TensorBoard's own reader."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gantool
from gantool import MissingExtraError, RunDescription
from gantool.runs.folder import RunFolder
from gantool_tensorboard.plugin import TensorBoard

Curves = dict[str, list[tuple[int, float]]]

pytest.importorskip("tensorboard")


def accumulated(folder: Path) -> Any:
    """Return everything that TensorBoard finds in a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), {"scalars": 0, "images": 0}).Reload()


def curves(folder: Path) -> Curves:
    found = accumulated(folder)
    tags = found.Tags()["scalars"]
    return {tag: [(event.step, event.value) for event in found.Scalars(tag)] for tag in tags}


def pictures(folder: Path) -> dict[int, bytes]:
    events = accumulated(folder).Images("samples")
    assert len({event.step for event in events}) == len(events)
    return {event.step: event.encoded_image_string for event in events}


def recorded(path: Path) -> Curves:
    """Return the figures of metrics.jsonl, in float32."""
    found: Curves = {}
    for line in path.read_text().splitlines():
        record = json.loads(line)
        del record["epoch"]
        step = record.pop("step")
        for name, value in record.items():
            found.setdefault(name, []).append((step, float(np.float32(value))))
    return found


def grids(folder: RunFolder) -> dict[int, bytes]:
    found = {step: folder.sample_grid(step) for step in range(1, 20)}
    return {step: path.read_bytes() for step, path in found.items() if path.exists()}


def description(folder: Path, resumed_from: int = 0) -> RunDescription:
    return RunDescription("0123456789abcdef", "small", folder, {}, resumed_from)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Write a recipe of eight steps on twelve images."""
    random = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for index in range(12):
        pixels = random.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{index}.png")
    path = tmp_path / "small.toml"
    path.write_text("""
        dataset = { use = "folder", folder = "images" }
        architecture = { use = "dcgan", latent_dim = 8, width = 4 }
        loss = { use = "bce" }
        image = { size = 16 }
        training = { steps = 8, batch_size = 4, log_every_steps = 2 }
        sampling = { count = 4 }
        checkpoints = { every_steps = 4 }
        device = { name = "cpu" }
        [[loggers]]
        use = "tensorboard"
    """)
    return path


def test_a_run_and_its_resumption_are_drawn_as_recorded(recipe: Path, tmp_path: Path) -> None:
    run = gantool.run(recipe, out=tmp_path / "run", level="quiet")
    folder = run.folder.path / "tensorboard"
    expected = recorded(run.folder.metrics)
    assert [step for step, _ in expected["generator_loss"]] == [2, 4, 6, 8]
    assert curves(folder) == expected
    assert pictures(folder) == grids(run.folder)

    run = gantool.resume(run.folder.path, steps=12, level="quiet")
    expected = recorded(run.folder.metrics)
    assert [step for step, _ in expected["generator_loss"]] == [2, 4, 6, 8, 10, 12]
    assert curves(folder) == expected
    assert pictures(folder) == grids(run.folder)


def test_a_killed_run_loses_nothing_and_draws_nothing_twice(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies at step 6, two steps after its checkpoint, and sends step 6 no more."""
    whole = gantool.run(recipe, out=tmp_path / "whole", level="quiet")
    scalars = TensorBoard.scalars

    def killed(logger: TensorBoard, step: int, values: dict[str, float]) -> None:
        scalars(logger, step, values)
        if step == 6:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(TensorBoard, "scalars", killed)
        with pytest.raises(KeyboardInterrupt):
            gantool.run(recipe, out=tmp_path / "run", level="quiet")
    assert gantool.load(tmp_path / "run").step == 4
    run = gantool.resume(tmp_path / "run", level="quiet")
    assert len(list((tmp_path / "run" / "tensorboard").iterdir())) == 2
    assert curves(tmp_path / "run" / "tensorboard") == recorded(whole.folder.metrics)
    assert pictures(tmp_path / "run" / "tensorboard") == grids(run.folder) == grids(whole.folder)


@pytest.mark.parametrize("first", [4, 6, 8])
def test_steps_taken_again_replace_what_was_drawn(tmp_path: Path, first: int) -> None:
    """Training went back to a checkpoint; the first step that comes again may be the last one."""
    Image.new("L", (6, 4), 90).save(tmp_path / "old.png")
    Image.new("L", (6, 4), 30).save(tmp_path / "new.png")
    logger = TensorBoard()
    logger.start(description(tmp_path))
    for step in (2, 4, 6, 8):
        logger.scalars(step, {"loss": 1.0})
        logger.images(step, tmp_path / "old.png")
    again = range(first, 11, 2)
    for step in again:
        logger.scalars(step, {"loss": 2.0})
        logger.images(step, tmp_path / "new.png")
    logger.finish("completed")
    kept = range(2, first, 2)
    old, new = ((tmp_path / f"{age}.png").read_bytes() for age in ("old", "new"))
    drawn = tmp_path / "tensorboard"
    assert curves(drawn) == {"loss": [(n, 1.0) for n in kept] + [(n, 2.0) for n in again]}
    assert pictures(drawn) == dict.fromkeys(kept, old) | dict.fromkeys(again, new)


def test_a_write_that_was_torn_costs_only_that_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = TensorBoard()
    logger.start(description(tmp_path))
    logger.scalars(2, {"loss": 1.0})
    (file,) = (tmp_path / "tensorboard").iterdir()

    def refuse(path: Path, mode: str) -> None:
        with open(path, mode) as torn:  # the method is what fails
            torn.write(b"half a record")
        raise OSError(28, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        with pytest.raises(OSError, match="no space"):
            logger.scalars(4, {"loss": 1.0})
    assert file.read_bytes().endswith(b"half a record")
    logger.scalars(6, {"loss": 1.0})
    assert curves(tmp_path / "tensorboard") == {"loss": [(2, 1.0), (6, 1.0)]}


def test_what_is_not_finite_is_drawn(tmp_path: Path) -> None:
    logger = TensorBoard()
    logger.start(description(tmp_path))
    logger.scalars(2, {"up": float("inf"), "nan": float("nan")})
    found = curves(tmp_path / "tensorboard")
    assert found["up"] == [(2, float("inf"))]
    assert np.isnan(found["nan"][0][1])


def test_a_folder_of_many_runs_keeps_them_apart(tmp_path: Path) -> None:
    logger = TensorBoard(folder=tmp_path / "shared")
    logger.start(description(tmp_path / "run"))
    logger.scalars(2, {"loss": 1.0})
    assert curves(tmp_path / "shared" / "small-01234567") == {"loss": [(2, 1.0)]}
    assert not (tmp_path / "run").exists()


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gantool_tensorboard.events", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(MissingExtraError) as error:
        TensorBoard().start(description(tmp_path))
    assert error.value.hint == "pip install 'gantool[tensorboard]'"
    assert not list(tmp_path.iterdir())
