"""NaN from anywhere stops a run within a log interval and is never saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

import gantool
from gantool.cli.app import main
from gantool.data.batches import Batch
from gantool.errors import DivergedError
from gantool.runs.checkpoints import Checkpoints
from gantool.runs.folder import RunFolder
from gantool.runs.status import read_status
from gantool.training.game import Game
from gantool.training.state.saving import first_non_finite
from gantool.training.step.update import Update
from gantool_losses.plugin import BCE

if TYPE_CHECKING:
    from torch import Tensor

    from tests.faults.conftest import Fork, Publish, Recipe

BAD_STEP, LOG_EVERY = 7, 4
TABLES = {"training": {"steps": 40, "log_every_steps": LOG_EVERY}}
NAN = float("nan")


def clock_of(update: Update) -> tuple[int, int]:
    return update.step, update.game.streams.attempt


def poison_loss(player: str) -> Callable[[], None]:
    """Return what makes the loss of a player NaN in one step of the first attempt."""

    def install() -> None:
        where: list[Update] = []
        gradients, original = Update.gradients, getattr(BCE, player)

        def watched(self: Update) -> None:
            where[:] = [self]
            gradients(self)

        def terms(self: BCE, *logits: Tensor) -> Tensor:
            found: Tensor = original(self, *logits)
            return found * NAN if where and clock_of(where[0]) == (BAD_STEP, 0) else found

        Update.gradients = watched  # type: ignore[method-assign]
        setattr(BCE, player, terms)

    return install


def poison_gradient() -> None:
    apply = Update.apply

    def poisoned(self: Update) -> None:
        gradient = self.game.competitors[self.player].parameters[0].grad
        if clock_of(self) == (BAD_STEP, 0) and gradient is not None:
            gradient[(0,) * gradient.dim()] = NAN
        apply(self)

    Update.apply = poisoned  # type: ignore[method-assign]


def poison_images() -> None:
    real_batch = Game.real_batch

    def poisoned(self: Game, step: int, index: int) -> Batch:
        batch = real_batch(self, step, index)
        if (step, self.streams.attempt) != (BAD_STEP, 0):
            return batch
        images = batch.images.clone()
        images[0, 0, 0, 0] = NAN
        return batch._replace(images=images)

    Game.real_batch = poisoned  # type: ignore[method-assign]


FAULTS: dict[str, tuple[Callable[[], None], dict[str, Any]]] = {
    "the discriminator's loss": (poison_loss("discriminator"), {}),
    "the generator's loss": (poison_loss("generator"), {}),
    "a gradient": (poison_gradient, {}),
    "an image": (poison_images, {}),
    "learning rate 1e20": (lambda: None, {"optimizer": {"learning_rate": 1e20}}),
}


def finite(run: Path) -> bool:
    """Whether all that was saved is finite."""
    found = Checkpoints(run / "checkpoints", "").all()
    assert found
    return all(first_non_finite(checkpoint.load()) is None for checkpoint in found)


def test_it_stops_within_a_log_interval(
    recipe: Recipe, fork: Fork, publish: Publish, full: bool, tmp_path: Path
) -> None:
    latest = 0
    chosen = FAULTS if full else {"a gradient": FAULTS["a gradient"]}
    for number, (fault, (install, tables)) in enumerate(chosen.items()):
        file, run = recipe(**TABLES, **tables), tmp_path / f"run-{number}"
        victim = fork(lambda run=run, file=file: gantool.run(file, out=run, level="quiet"), install)
        assert victim.wait() == 4, (fault, victim.output.read_text())
        assert finite(run), fault
        record = json.loads((run / "diverged.json").read_text())
        assert record["figures"]
        assert record["step"] == victim.step
        began = 0 if tables else BAD_STEP
        latest = max(latest, victim.step - began)
    publish(
        "6a",
        f"NaN or infinity by way of {', '.join(chosen)}",
        f"{len(chosen)} of {len(chosen)} exit 4 within {latest} steps, {LOG_EVERY} being the log "
        "interval; every checkpoint finite",
    )
    assert latest <= LOG_EVERY


@pytest.mark.parametrize("policy", ["rollback", "ignore"])
def test_it_can_go_back_and_on(
    recipe: Recipe, fork: Fork, publish: Publish, full: bool, tmp_path: Path, policy: str
) -> None:
    faults = [fault for fault in FAULTS if "rate" not in fault]
    faults = faults if full else ["the generator's loss"]
    for number, fault in enumerate(faults):
        training = {**TABLES["training"], "steps": 14, "on_divergence": policy}
        file, run = recipe(training=training), tmp_path / f"run-{number}"
        install, _ = FAULTS[fault]
        victim = fork(lambda run=run, file=file: gantool.run(file, out=run, level="quiet"), install)
        assert victim.wait() == (4 if policy == "ignore" else 0), (fault, victim.output.read_text())
        assert finite(run)
        lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        records = [json.loads(line) for line in lines]
        assert [record["step"] for record in records] == [4, 8, 12, 14]
        assert any("non_finite" in record for record in records) == (policy == "ignore")
        saved = torch.load(max((run / "checkpoints").glob("step-*")) / "state.pt")
        assert saved["attempt"] == (policy == "rollback")
        assert saved["step"] == (14 if policy == "rollback" else 6)
        outcome = ("completed", 14) if policy == "rollback" else ("failed", 6)
        status = read_status(RunFolder(run))
        assert (status.outcome, status.step) == outcome
    if policy == "rollback":
        publish(
            "6b",
            f"the same in one step only, on_divergence = 'rollback' ({len(faults)} ways)",
            "finished with exit 0 from the checkpoint before it, with other noise; "
            "figures cut, all finite",
        )


def ruined(run: Path) -> None:
    """Save a state whose averaged generator is NaN in one place, as a damaged disk would not."""
    saved = Checkpoints(run / "checkpoints", read_status(RunFolder(run)).identifier)
    checkpoint, _ = saved.newest()
    assert checkpoint is not None
    state = checkpoint.load()
    name = max(state["average"])
    state["average"][name].fill_(NAN)
    saved.save(checkpoint.step + 1, {**state, "step": checkpoint.step + 1})


@pytest.mark.parametrize(
    "words", ["sample", "evaluate --metrics fid --count 8", "export --to safetensors"]
)
def test_a_generator_that_is_not_finite_draws_nothing(
    recipe: Recipe, tmp_path: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = gantool.run(recipe(training={"steps": 3}), out=tmp_path / "run", level="quiet")
    ruined(run.folder.path)
    command, *options = words.split()
    assert main([command, str(run.folder.path), *options]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert "error: the generator of 'run' is not finite: " in said.err
    assert "hint: choose an earlier one with --checkpoint STEPS" in said.err
    assert gantool.load(run.folder.path, checkpoint="3").sample(4).isfinite().all()


def test_images_that_are_not_finite_are_none(recipe: Recipe, tmp_path: Path) -> None:
    """Weights may be finite, and too large for what is computed of them."""
    run = gantool.run(recipe(training={"steps": 3}), out=tmp_path / "run", level="quiet")
    for parameter in run.network.parameters():
        parameter.fill_(3e38)
    for draw in (run.sample, run.draw):
        with pytest.raises(DivergedError, match="makes images of NaN or infinity"):
            draw(4)
