"""What the watcher finds is said, written down, and stops the run only if asked to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import gantool
from gantool.errors import DivergedError
from gantool.training.health import watcher as health
from gantool.training.health.signs import Window
from gantool_dcgan import networks

Write = Callable[..., Path]


@pytest.fixture
def won(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the discriminator win by step 4, as the watcher sees it."""

    def sign(window: Window, *_: object, before: bool) -> str | None:
        del before
        return "the discriminator has won" if window.steps[-1] >= 4 else None

    monkeypatch.setattr(health, "discriminator_won", sign)


@pytest.mark.usefixtures("won")
@pytest.mark.parametrize("policy", ["warn", "off"])
def test_a_run_goes_on_where_nothing_else_is_asked_for(
    write_recipe: Write, tmp_path: Path, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = write_recipe(health={"policy": policy})
    run = gantool.run(recipe, out=tmp_path / "run", level="quiet")
    assert run.step == 8
    assert ("step 4: the discriminator has won" in caplog.text) == (policy == "warn")
    if policy == "off":
        assert not run.folder.health.exists()
    else:
        (line,) = run.folder.health.read_text().splitlines()
        found = {"step": 4, "sign": "discriminator", "message": "the discriminator has won"}
        assert json.loads(line) == found


@pytest.mark.usefixtures("won")
def test_a_run_that_stops_is_saved_and_can_go_on(write_recipe: Write, tmp_path: Path) -> None:
    recipe, folder = write_recipe(health={"policy": "stop"}), tmp_path / "run"
    with pytest.raises(DivergedError, match=r"saved after step 4: the discriminator has won"):
        gantool.run(recipe, out=folder, level="quiet")
    assert gantool.load(folder).step == 4
    assert json.loads((folder / "run.json").read_text())["outcome"] == "stopped"
    assert gantool.resume(folder, level="quiet").step == 8
    assert (folder / "health.jsonl").read_text().count("\n") == 1


def test_the_watcher_changes_nothing_and_looks_at_the_images(
    write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "WINDOW_STEPS", 3)
    looks: list[float] = []
    mean_distance = health.mean_distance

    def noted(images: torch.Tensor, labels: torch.Tensor | None = None) -> float:
        looks.append(mean_distance(images, labels))
        return looks[-1]

    monkeypatch.setattr(health, "mean_distance", noted)
    watched = gantool.run(write_recipe(), out=tmp_path / "watched", level="quiet")
    assert len(looks) == 4  # the real images once, the generated ones after 4, 6 and 8 steps
    assert min(looks) > 0
    alone = gantool.run(
        write_recipe(), ["health.policy=off"], out=tmp_path / "alone", level="quiet"
    )
    assert watched.sample(4).equal(alone.sample(4))
    assert watched.folder.metrics.read_bytes() == alone.folder.metrics.read_bytes()


@pytest.mark.parametrize("conditional", [True, False])
def test_a_run_that_shows_one_picture_a_class_is_found_at_its_end(
    write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, conditional: bool
) -> None:
    forward = networks.Generator.forward
    monkeypatch.setattr(health, "WINDOW_STEPS", 8)
    monkeypatch.setattr(
        networks.Generator, "forward", lambda self, z, *labels: forward(self, 0 * z, *labels)
    )
    recipe = write_recipe(training={"conditional": conditional})
    run = gantool.run(recipe, out=tmp_path / "run", level="quiet")
    (line,) = map(json.loads, run.folder.health.read_text().splitlines())
    assert (line["step"], line["sign"]) == (8, "generator")
    of_what = "the same class" if conditional else "different latents"
    assert f"images of {of_what} are only 0% as far apart as real ones" in line["message"]
