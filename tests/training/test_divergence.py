"""A training that is no longer finite stops, or goes back and on with other noise."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor
from typing_extensions import override

from gantool import DiscriminatorStep, Regularizer
from gantool.errors import DivergedError, UsageError
from gantool.recipe.schema import CheckpointsTable
from gantool.runs.checkpoints import Checkpoints
from gantool.training.observers import Observer
from gantool.training.state.form import training_state
from gantool.training.state.saving import Saver, first_non_finite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

BAD_STEP = 5


class Trap(Regularizer):
    """Adds infinity in one step, as long as the run's noise is among the first `attempts`."""

    name = "trap"

    attempts: int = 1

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        noise = step.random.normal()
        if int(step.number) == BAD_STEP and float(noise) in NOISES[: self.attempts]:
            return step.real_logits.sum() * float("inf")
        if int(step.number) == BAD_STEP:
            NOISES.append(float(noise))
        return 0 * step.real_logits.sum()


NOISES: list[float] = []


class Log(Observer):
    """Notes where training was taken back to."""

    def __init__(self) -> None:
        self.restored_at: list[int] = []

    @override
    def restored(self, step: int, memory: Mapping[str, Any]) -> None:
        self.restored_at.append(step)


def trapped(train: Train, folder: Path, attempts: int, **training: Any) -> Trainer:
    trainer = train(
        Trap(attempts=attempts), training={"steps": 8, "log_every_steps": 2, **training}
    )
    trainer.saver = Saver(
        Checkpoints(folder, "run", keep_last=100),
        CheckpointsTable(every_steps=2),
        stops_on_divergence=trainer.table.on_divergence != "ignore",
    )
    return trainer


def learn_noises(train: Train, attempts: int) -> None:
    """Let the trap meet the noise of each attempt, so that it knows which to punish."""
    NOISES.clear()
    for attempt in range(attempts):
        trainer = train(Trap(attempts=0), training={"steps": 8})
        trainer.game.streams.attempt = attempt
        for _ in range(BAD_STEP + 1):
            trainer.one_step()
    assert len(set(NOISES)) == attempts


@pytest.mark.parametrize("failures", [1, 2])
def test_a_rollback_goes_on_with_other_noise_from_the_newest_checkpoint(
    train: Train, tmp_path: Path, failures: int, caplog: pytest.LogCaptureFixture
) -> None:
    learn_noises(train, failures)
    trainer = trapped(train, tmp_path, failures, on_divergence="rollback")
    log = Log()
    trainer.train([log])
    assert trainer.step == 8
    assert trainer.game.streams.attempt == failures
    assert log.restored_at == [0, *[4] * failures]
    assert "back to step 4 with other noise, attempt 2 of 4" in caplog.text
    saved = {c.step: c.load() for c in Checkpoints(tmp_path, "run").all()}
    assert {step: state["attempt"] for step, state in saved.items()} == {
        0: 0,
        2: 0,
        4: 0,
        6: failures,
        8: failures,
    }
    assert all(first_non_finite(state) is None for state in saved.values())


def test_a_rollback_that_is_interrupted_is_made_again_to_the_same_bits(
    train: Train, tmp_path: Path, bits: Callable[[Trainer], dict[str, bytes]]
) -> None:
    learn_noises(train, 1)
    straight = trapped(train, tmp_path / "straight", 1, on_divergence="rollback")
    straight.train()
    for later in Checkpoints(tmp_path / "straight", "run").all():
        if later.step > 4:
            shutil.rmtree(later.path)
    resumed = trapped(train, tmp_path / "straight", 1, on_divergence="rollback")
    newest, _ = Checkpoints(tmp_path / "straight", "run").newest()
    assert newest is not None
    assert newest.load()["attempt"] == 0
    resumed.load(training_state(newest))
    resumed.train()
    assert resumed.game.streams.attempt == 1
    assert bits(resumed) == bits(straight)


class Meddle(Observer):
    """Saves a state of step 5 with something more in it."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        self.checkpoints = checkpoints

    @override
    def at_checkpoint(self, step: int) -> None:
        if step == 4:
            newest, _ = self.checkpoints.newest()
            assert newest is not None
            self.checkpoints.save(5, {**newest.load(), "more": 1})


def test_a_rollback_looks_at_the_state_as_a_resume_does(train: Train, tmp_path: Path) -> None:
    learn_noises(train, 1)
    trainer = trapped(train, tmp_path, 1, on_divergence="rollback")
    with pytest.raises(UsageError, match="step-00000005 is not of a training: more: "):
        trainer.train([Meddle(Checkpoints(tmp_path, "run", keep_last=100))])


def test_after_the_last_rollback_it_stops(train: Train, tmp_path: Path) -> None:
    learn_noises(train, 3)
    trainer = trapped(train, tmp_path, 3, on_divergence="rollback", rollbacks=2)
    with pytest.raises(DivergedError, match=r"not finite: .*, after 2 rollbacks"):
        trainer.train()
    newest, _ = trainer.saver.checkpoints.newest() if trainer.saver else (None, None)
    assert newest is not None
    assert newest.step == 4


def test_stopping_leaves_a_finite_checkpoint(train: Train, tmp_path: Path) -> None:
    learn_noises(train, 1)
    trainer = trapped(train, tmp_path, 1)
    with pytest.raises(DivergedError, match="by step 6, not finite"):
        trainer.train()
    newest, _ = Checkpoints(tmp_path, "run").newest()
    assert newest is not None
    assert newest.step == 4
    assert first_non_finite(newest.load()) is None


def test_ignoring_goes_on_and_saves_nothing_that_is_not_finite(
    train: Train, tmp_path: Path
) -> None:
    learn_noises(train, 1)
    trainer = trapped(train, tmp_path, 1, on_divergence="ignore")
    with pytest.raises(DivergedError, match=r"step 8: .*; the newest checkpoint is of step 4"):
        trainer.train()
    assert trainer.step == 8
    assert not torch.stack(
        [p.isfinite().all() for p in trainer.game.network("discriminator").parameters()]
    ).all()
    assert [c.step for c in Checkpoints(tmp_path, "run").all()] == [4, 2, 0]


def test_a_save_reads_the_flag_before_the_interval_ends(train: Train, tmp_path: Path) -> None:
    """The sums of the open interval are not finite, while every weight still is."""
    trainer = trapped(train, tmp_path, 0, log_every_steps=100)
    trainer.one_step()
    trainer.game.totals.note({"discriminator_loss": torch.tensor(float("nan"))})
    trainer.game.totals.end_step()
    with pytest.raises(DivergedError):
        trainer.save()
    assert Checkpoints(tmp_path, "run").all() == []
