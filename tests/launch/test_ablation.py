"""The grid of an ablation: what is in it, what is run again, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gantool import UsageError
from gantool.errors import DivergedError, Interrupted
from gantool.launch import ablation, running
from gantool.launch.ablation import Planned, plan_ablation, run_ablation, toggles_of, without
from gantool.recipe.reading import read_recipe
from gantool.runs.folder import RunFolder

Write = Callable[..., Path]
TABLES: dict[str, Any] = {
    "training": {"steps": 2, "batch_size": 6, "seed": 5},
    "regularizers": [{"use": "r1"}, {"use": "l2"}],
    "image": {"size": 16, "horizontal_flip": True},
    "ema": {"half_life_images": 10.0},
    "sampling": {"count": 4, "weights": "ema"},
    "optimizer": {"discriminator": {"learning_rate": 4e-3}, "schedule": "linear"},
    "architecture": {"discriminator_norm": "none"},
}


def test_every_part_can_be_taken_out_and_what_is_left_is_a_recipe(
    write_recipe: Write, tmp_path: Path
) -> None:
    from gantool.recipe.documents import dump

    document = read_recipe(write_recipe(**TABLES)).document
    found = toggles_of(document)
    assert found == (
        "regularizers.r1",
        "regularizers.l2",
        "ema",
        "optimizer.discriminator",
        "optimizer.schedule",
        "architecture.first_norm",
        "image.horizontal_flip",
        "training.synchronize_batch_norm",
    )
    for toggle in found:
        path = tmp_path / "variant.toml"
        path.write_text(dump(without(document, toggle)))
        variant = read_recipe(path)
        assert toggle not in toggles_of(variant.document)
        assert len(toggles_of(variant.document)) == len(found) - 1
    assert toggles_of(document) == found
    path.write_text(dump(without(document, "optimizer.discriminator")))
    plain = read_recipe(path)
    assert {table.rate.start for table in plain.optimizer.values()} == {
        document["optimizer"]["learning_rate"]
    }


def test_what_a_recipe_does_not_have_is_refused_with_what_it_has(write_recipe: Write) -> None:
    with pytest.raises(UsageError, match=r"no 'regularizers.r3' that could be toggled") as caught:
        plan_ablation(write_recipe(**TABLES), ["regularizers.r3"], seeds=1)
    assert "there are: regularizers.r1, regularizers.l2, ema" in (caught.value.hint or "")
    with pytest.raises(UsageError, match="something to toggle"):
        plan_ablation(write_recipe(**TABLES), [], seeds=1)


def test_the_grid_is_the_full_recipe_and_each_part_out_with_the_same_seeds(
    write_recipe: Write, tmp_path: Path
) -> None:
    planned = plan_ablation(
        write_recipe(**TABLES), ["regularizers.r1", "ema", "ema"], seeds=2, out=tmp_path / "a"
    )
    assert [(each.variant, each.seed) for each in planned] == [
        (variant, seed) for seed in (5, 6) for variant in ("full", "without-r1", "without-ema")
    ]
    assert planned[-1].folder.path == tmp_path / "a" / "without-ema-seed-6"
    assert planned[-1].document["training"]["seed"] == 6
    assert "half_life_images" not in planned[-1].document["ema"]
    assert [entry["use"] for entry in planned[1].document["regularizers"]] == ["weight-decay:l2"]


def test_finished_runs_are_left_alone_and_stopped_ones_go_on(
    write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan_ablation(write_recipe(**TABLES), ["ema"], seeds=1, out=tmp_path / "a")
    begun: list[str] = []

    def trained(recipe: Path, said: Any, *, out: Path, level: Any) -> Any:
        begun.append(out.name)
        if out.name.startswith("without"):
            raise Interrupted("stopped after step 1", "resume it", signal_number=2)
        return real_run(recipe, said, out=out, level=level)

    real_run = running.run
    monkeypatch.setattr(ablation, "run", trained)
    with pytest.raises(Interrupted, match="1 of 2 runs are done") as caught:
        run_ablation(planned, level="quiet")
    assert caught.value.hint == "go on with the same command"
    assert [each.is_done() for each in planned] == [True, False]
    monkeypatch.setattr(ablation, "run", real_run)
    told: list[int] = []
    before = planned[0].folder.metrics.stat().st_mtime_ns
    run_ablation(planned, level="quiet", told=lambda place, _: told.append(place))
    assert told == [1]
    assert [each.is_done() for each in planned] == [True, True]
    assert planned[0].folder.metrics.stat().st_mtime_ns == before


def test_a_run_that_diverges_is_a_result(
    write_recipe: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    planned = plan_ablation(write_recipe(**TABLES), ["ema"], seeds=1, out=tmp_path / "a")
    begun: list[str] = []

    def diverges(each: Planned, level: Any, device: Any) -> None:
        begun.append(each.variant)
        raise DivergedError("the loss is NaN")

    monkeypatch.setattr(ablation, "_train", diverges)
    run_ablation(planned, level="quiet")
    assert begun == ["full", "without-ema"]
    assert "full-seed-5: the loss is NaN" in caplog.text


def test_a_folder_of_another_recipe_is_not_taken_for_this_one(
    write_recipe: Write, tmp_path: Path
) -> None:
    recipe = write_recipe(**TABLES)
    planned = plan_ablation(recipe, ["ema"], seeds=1, out=tmp_path / "a")
    run_ablation(planned[:1], level="quiet")
    assert RunFolder(tmp_path / "a" / "full-seed-5").exists()
    assert plan_ablation(recipe, ["ema"], seeds=3, out=tmp_path / "a")[0].is_done()
    with pytest.raises(UsageError, match=r"another recipe: training.batch_size 6 there, 8 here"):
        plan_ablation(
            recipe, ["ema"], seeds=1, overrides=["training.batch_size=8"], out=tmp_path / "a"
        )
