"""A run that diverged says by when, and what may lead elsewhere; the advice works as written."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gantool
from gantool.errors import DivergedError

Write = Callable[..., Path]


@pytest.fixture
def diverged(write_recipe: Write, tmp_path: Path) -> Callable[..., Path]:
    """Return what trains a run until it diverges."""

    def train(**optimizer: Any) -> Path:
        recipe = write_recipe(optimizer={"use": "sgd", **optimizer})
        with pytest.raises(DivergedError, match="go on from it with a lower"):
            gantool.run(recipe, out=tmp_path / "run", level="quiet")
        return tmp_path / "run"

    return train


def record_of(run: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((run / "diverged.json").read_text(encoding="utf-8"))
    return record


def test_the_record_names_the_step_the_figures_and_what_to_try(
    diverged: Callable[..., Path],
) -> None:
    record = record_of(diverged(learning_rate=1e30))
    assert record["step"] == 2
    assert "discriminator_loss" in record["figures"] or "generator_loss" in record["figures"]
    assert record["saved_step"] == 0
    assert record["attempts"] == 1
    assert record["try"] == [
        "--set training.on_divergence=rollback",
        "--set optimizer.learning_rate=0.0002 --override",
        "--set optimizer.clip_gradient_norm=1 --override",
    ]


def test_resume_reminds_of_it_and_what_it_advises_works(
    diverged: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = diverged(learning_rate=1e30)
    ways = record_of(run)["try"]
    with pytest.raises(DivergedError):
        gantool.resume(run, level="quiet")
    assert "this run diverged by step 2, not finite: " in caplog.text
    assert all(way in caplog.text for way in ways)
    ends = []
    for number, way in enumerate(ways):
        again = tmp_path / f"again-{number}"
        shutil.copytree(run, again)
        words = shlex.split(way)
        caplog.clear()
        try:
            step = gantool.resume(
                again, [words[1]], override="--override" in words, level="quiet"
            ).step
        except DivergedError:
            step = 0
        assert "this run diverged" not in caplog.text
        assert (again / "diverged.json").exists() == (step < 8)
        ends.append(step)
    assert ends == [0, 8, 0]  # neither other noise nor a small gradient helps against that rate
    assert record_of(tmp_path / "again-0")["attempts"] == 4


def test_players_with_optimizers_of_their_own_get_advice_of_their_own(
    diverged: Callable[..., Path],
) -> None:
    own = {"learning_rate": 1e-4, "clip_gradient_norm": 5.0}
    run = diverged(learning_rate=1e30, discriminator=own)
    ways = record_of(run)["try"]
    overrides = [shlex.split(way)[1] for way in ways]
    assert overrides[1:] == [
        "optimizer.discriminator.learning_rate=5e-05",
        "optimizer.generator.learning_rate=0.0002",
        "optimizer.generator.clip_gradient_norm=1",
    ]
    assert gantool.resume(run, overrides, override=True, level="quiet").step == 8


def test_a_state_that_is_not_finite_is_named_by_its_place(
    write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gantool.training.state.form import State
    from gantool.training.trainer import Trainer

    state = Trainer.state

    def poisoned(trainer: Trainer) -> State:
        gathered = state(trainer)
        if gathered["step"] == 4:
            weight = gathered["networks"]["generator"]["to_image.0.weight"]
            gathered["networks"]["generator"]["to_image.0.weight"] = weight * float("inf")
        return gathered

    monkeypatch.setattr(Trainer, "state", poisoned)
    with pytest.raises(DivergedError, match=r"not finite after step 4: networks\.generator\.to_"):
        gantool.run(write_recipe(), out=tmp_path / "run", level="quiet")
    assert record_of(tmp_path / "run")["figures"] == ["networks.generator.to_image.0.weight"]
    assert record_of(tmp_path / "run")["saved_step"] == 2


@pytest.mark.parametrize("content", ["", "5", "[" * 100_000, '{"step": "x"}', "\x00"])
def test_a_record_that_says_something_else_is_passed_over(
    write_recipe: Write, tmp_path: Path, content: str
) -> None:
    run = gantool.run(write_recipe(), out=tmp_path / "run", level="quiet").folder.path
    (run / "diverged.json").write_text(content, encoding="utf-8")
    assert gantool.resume(run, steps=9, level="quiet").step == 9


def test_a_run_that_has_gone_back_as_often_as_it_may_does_not_go_back_again(
    write_recipe: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither after one resume nor after two; a change of the recipe is another training."""
    recipe = write_recipe(
        optimizer={"learning_rate": 1e20},
        training={"steps": 20, "on_divergence": "rollback", "rollbacks": 2},
    )
    run, counts = tmp_path / "run", []
    ways: tuple[Callable[[], object], ...] = (
        lambda: gantool.run(recipe, out=run, level="quiet"),
        lambda: gantool.resume(run, level="quiet"),
        lambda: gantool.resume(run, level="quiet"),
        lambda: gantool.resume(run, ["training.rollbacks=1"], level="quiet"),
    )
    for go in ways:
        caplog.clear()
        with pytest.raises(DivergedError, match=r"after \d rollbacks"):
            go()
        counts.append(sum("with other noise" in message for message in caplog.messages))
    assert counts == [2, 0, 0, 1]
