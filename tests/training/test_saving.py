"""When a training is saved, and what a failing disk or a diverged run does to that."""

from __future__ import annotations

import errno
import io
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch
from typing_extensions import override

from gantool import files
from gantool.errors import DiskError, DivergedError
from gantool.recipe.schema import CheckpointsTable
from gantool.runs.checkpoints import Checkpoints
from gantool.training.observers import Observer
from gantool.training.state.saving import Saver, first_non_finite

if TYPE_CHECKING:
    from pathlib import Path

    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

pytestmark = pytest.mark.quick


class Scoring(Observer):
    """Rates checkpoints, and stops after a step."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.saved: list[int] = []
        self.stop_after = stop_after
        self.step = 0

    @override
    def after_step(self, step: int) -> None:
        self.step = step

    @override
    def rating(self, step: int) -> float | None:
        return abs(step - 2.0)

    @override
    def at_checkpoint(self, step: int) -> None:
        self.saved.append(step)

    @override
    def wants_stop(self) -> str | None:
        return "enough" if self.step == self.stop_after else None


class Disk:
    """A disk whose every attempt to sync may fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        monkeypatch.setattr(files.disk, "fsync", self.fsync)

    def fsync(self, descriptor: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def saved_by(trainer: Trainer, folder: Path, **table: Any) -> Checkpoints:
    checkpoints = Checkpoints(folder, "mine", keep_last=table.pop("keep_last", 100))
    trainer.saver = Saver(checkpoints, CheckpointsTable(**{"every_seconds": None, **table}))
    return checkpoints


def steps(checkpoints: Checkpoints) -> list[int]:
    return [checkpoint.step for checkpoint in checkpoints.all()]


def test_it_saves_before_the_first_step_when_due_and_at_the_end(
    train_plain: Train, tmp_path: Path
) -> None:
    trainer = train_plain(training={"steps": 8})
    checkpoints = saved_by(trainer, tmp_path, every_steps=3)
    scoring = Scoring()
    trainer.train([scoring])
    assert steps(checkpoints) == [8, 6, 3, 0]
    assert scoring.saved == [0, 3, 6, 8]
    assert [c.score() for c in checkpoints.all()] == [6, 4, 1, 2]


def test_it_saves_when_it_is_stopped(train_plain: Train, tmp_path: Path) -> None:
    trainer = train_plain(training={"steps": 8})
    checkpoints = saved_by(trainer, tmp_path)
    trainer.train([Scoring(stop_after=5)])
    assert steps(checkpoints) == [5, 0]
    assert checkpoints.all()[0].load()["step"] == 5


def test_it_saves_by_the_clock(
    train_plain: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    class Passing(Observer):
        """Lets four seconds go by in each step."""

        @override
        def after_step(self, step: int) -> None:
            nonlocal now
            now += 4

    trainer = train_plain(training={"steps": 8})
    checkpoints = saved_by(trainer, tmp_path, every_seconds=10.0)
    trainer.train([Passing()])
    assert steps(checkpoints) == [8, 6, 3, 0]


def test_the_best_rated_is_kept(train_plain: Train, tmp_path: Path) -> None:
    trainer = train_plain(training={"steps": 8})
    checkpoints = saved_by(trainer, tmp_path, every_steps=1, keep_last=2)
    trainer.train([Scoring()])
    assert steps(checkpoints) == [8, 7, 2]


def test_a_full_disk_is_a_warning_and_the_old_checkpoint_stays(
    train_plain: Train, tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = train_plain()
    checkpoints = saved_by(trainer, tmp_path)
    trainer.save()
    disk.full = True
    for _ in range(2):
        trainer.one_step()
        trainer.save()
    assert steps(checkpoints) == [0]
    assert caplog.text.count("could not be saved: [Errno 28] No space left on device") == 2
    disk.full = False
    trainer.save()
    assert steps(checkpoints) == [2, 0]
    disk.full = True  # the count of failures starts anew
    for _ in range(2):
        trainer.one_step()
        trainer.save()
    assert steps(checkpoints) == [2, 0]


def test_the_third_failure_in_a_row_ends_the_run(
    train_plain: Train, tmp_path: Path, disk: Disk
) -> None:
    trainer = train_plain()
    checkpoints = saved_by(trainer, tmp_path, every_steps=1)
    trainer.save()
    disk.full = True
    with pytest.raises(DiskError, match=r"checkpoint of step 3 could not be saved: .*No space"):
        trainer.train()
    assert trainer.step == 3
    newest, damages = checkpoints.newest()
    assert newest is not None
    assert (newest.step, damages) == (0, [])


def test_without_a_first_checkpoint_nothing_is_trained(
    train_plain: Train, tmp_path: Path, disk: Disk
) -> None:
    disk.full = True
    trainer = train_plain()
    saved_by(trainer, tmp_path)
    with pytest.raises(DiskError, match="checkpoint of step 0 could not be saved"):
        trainer.train()
    assert trainer.step == 0


@pytest.mark.parametrize("use", ["adam", "sgd"])
def test_an_absurd_learning_rate_diverges_within_an_interval_and_is_never_saved(
    train: Train, tmp_path: Path, use: str
) -> None:
    trainer = train(
        optimizer={"use": use, "learning_rate": 1e20},
        training={"steps": 40, "log_every_steps": 4},
    )
    checkpoints = saved_by(trainer, tmp_path)
    with pytest.raises(DivergedError, match=r"by step 4, not finite: .*discriminator_loss"):
        trainer.train()
    assert trainer.step == 4
    assert steps(checkpoints) == [0]
    with pytest.raises(DivergedError, match="not finite after step 4"):
        trainer.save()
    assert all(first_non_finite(checkpoint.load()) is None for checkpoint in checkpoints.all())


@pytest.mark.parametrize("part", ["networks", "optimizers", "average"])
def test_no_part_of_a_state_that_is_not_finite_is_saved(
    train: Train, tmp_path: Path, part: str
) -> None:
    trainer = train(ema={"half_life_images": 10.0})
    checkpoints = saved_by(trainer, tmp_path)
    trainer.one_step()
    competitor = trainer.game.competitors["generator"]
    assert trainer.game.average is not None
    targets = {
        "networks": competitor.parameters[0],
        "optimizers": competitor.optimizer.state[competitor.parameters[0]]["exp_avg_sq"],
        "average": next(trainer.game.average.network.buffers()),
    }
    targets[part].data.select(0, -1).fill_(float("inf"))
    with pytest.raises(DivergedError):
        trainer.save()
    assert steps(checkpoints) == []


def test_ctrl_c_while_torch_writes_is_no_failing_disk(tmp_path: Path) -> None:
    class Pressed(io.RawIOBase):
        @override
        def writable(self) -> bool:
            return True

        pressed = False

        @override
        def write(self, content: Any) -> int:
            if self.pressed or len(content) < 1000:
                return len(content)
            self.pressed = True
            raise KeyboardInterrupt

    def gather() -> dict[str, Any]:
        torch.save({"weights": torch.zeros(10_000)}, cast("Any", Pressed()))
        raise AssertionError

    saver = Saver(Checkpoints(tmp_path, "a run"), CheckpointsTable(), last_step=0)
    with pytest.raises(KeyboardInterrupt):
        saver.save(1, gather, ends=True)
