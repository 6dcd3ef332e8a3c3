"""Recorded steps are the eager ones, though nothing but tensors may change between replays."""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any

import pytest
import torch
from typing_extensions import override

from gantool import LazyOption, Regularizer, Scheduled, Step, Update
from gantool.testing.harness.operations import TapeRecorder
from gantool.training.device.graphs import WARM_UP, GraphedTurns, reason_for_eager_steps
from gantool_augmentation.plugin import InstanceNoise
from gantool_dcgan.plugin import DCGAN
from gantool_gradient_penalties.plugin import R1
from gantool_spectral_norm.plugin import SpectralNorm

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from gantool import DiscriminatorStep
    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

STEPS = 50


class Counted(TapeRecorder):
    """Counts recordings and replays."""

    def __init__(self) -> None:
        self.recorded = 0
        self.replayed = 0

    @override
    def record(
        self, work: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        self.recorded += 1
        replay = super().record(work, generators)

        def counted() -> None:
            self.replayed += 1
            replay()

        return counted


def recorded(trainer: Trainer) -> Counted:
    """Have a trainer's steps recorded."""
    recorder = Counted()
    trainer.turns = GraphedTurns(trainer.game, recorder)
    return recorder


CHANGING: dict[str, Any] = {
    "optimizer": {"schedule": "cosine", "learning_rate": 1e-2, "final_learning_rate": 1e-4},
    "ema": {"half_life_images": 100.0, "ramp_up": 0.05},
    "device": {"precision": "float64"},
}


@pytest.mark.parametrize(
    ("regularizers", "training", "kinds"),
    [
        ([InstanceNoise(deviation=Scheduled(0.5))], {}, 2),  # one ends a log interval
        ([SpectralNorm()], {"conditional": True, "last_batch": "keep"}, 2),
        (
            [R1(every_steps=4, gamma=Scheduled(1.0)), InstanceNoise(deviation=Scheduled(0.5))],
            {"discriminator_updates": 2, "accumulate": 2},
            4,
        ),
    ],
)
def test_replays_are_eager_steps_under_a_cosine_rate_a_fading_noise_and_a_ramped_average(
    train: Train,
    bits: Callable[[Trainer], dict[str, bytes]],
    regularizers: list[Regularizer],
    training: dict[str, Any],
    kinds: int,
) -> None:
    def build() -> Trainer:
        return train(
            *regularizers,
            count=43,
            classes=3 if "conditional" in training else 0,
            architecture=DCGAN(width=4, latent_dim=6, discriminator_norm="none"),
            training={"steps": STEPS, "log_every_steps": 5, **training},
            image={"horizontal_flip": True},
            **CHANGING,
        )

    eager, graphed = build(), build()
    recorder = recorded(graphed)
    figures: list[list[dict[str, float]]] = [[], []]
    for trainer, found in zip((eager, graphed), figures, strict=True):
        for step in range(1, STEPS + 1):
            trainer.one_step()
            if step % 5 == 0:
                found.append(trainer.game.totals.means())
                trainer.game.totals.clear()
    assert recorder.recorded == kinds
    assert recorder.replayed >= STEPS - (WARM_UP + 1) * (kinds + 1) - STEPS // 5
    assert figures[0] == figures[1]
    ours, theirs = bits(eager), bits(graphed)
    assert ours == theirs


def test_a_state_restored_between_replays_is_what_they_go_on_from(train: Train) -> None:
    def build() -> Trainer:
        return train(training={"steps": 30}, **CHANGING)

    straight, graphed = build(), build()
    recorded(graphed)
    for _ in range(20):
        straight.one_step()
        graphed.one_step()
    saved = straight.state()
    saved = copy.deepcopy(saved)
    for _ in range(5):
        graphed.one_step()
    graphed.load(saved)
    for _ in range(5):
        straight.one_step()
        graphed.one_step()
    for name, tensor in straight.game.network("discriminator").state_dict().items():
        assert torch.equal(tensor, graphed.game.network("discriminator").state_dict()[name]), name


def test_going_back_to_the_first_step_begins_anew(
    train: Train, bits: Callable[[Trainer], dict[str, bytes]]
) -> None:
    straight, graphed = (train(training={"steps": 30}, **CHANGING) for _ in range(2))
    recorder = recorded(graphed)
    first = copy.deepcopy(graphed.state())
    for _ in range(8):
        graphed.one_step()
    graphed.load(first)
    for _ in range(8):
        straight.one_step()
        graphed.one_step()
    assert recorder.recorded == 2
    assert bits(straight) == bits(graphed)


class Frozen(InstanceNoise):
    """Takes a number from the step, which a recording cannot follow."""

    name = "frozen"

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + self.deviation.start * float(1 - step.progress)


def test_the_stand_in_notices_a_number_that_changes_between_steps(train: Train) -> None:
    def build() -> Trainer:
        return train(
            Frozen(deviation=Scheduled(0.5)),
            training={"steps": 30},
            device={"precision": "float64"},
        )

    eager, graphed = build(), build()
    recorded(graphed)
    for _ in range(20):
        eager.one_step()
        graphed.one_step()
    weights = (t.game.network("discriminator").state_dict() for t in (eager, graphed))
    assert not all(torch.equal(*pair) for pair in zip(*(w.values() for w in weights), strict=True))


class Failing:
    """Cannot record anything."""

    def record(
        self, work: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        work()
        raise RuntimeError("operation not permitted when stream is capturing\nlong story")


def test_what_cannot_be_recorded_is_made_step_by_step_and_said_once(
    train: Train, caplog: pytest.LogCaptureFixture
) -> None:
    trainer, recorder = train(training={"steps": 30}), Failing()
    trainer.turns = GraphedTurns(trainer.game, recorder)
    with caplog.at_level(logging.WARNING, "gantool"):
        for _ in range(12):
            trainer.one_step()
    assert [record.getMessage() for record in caplog.records] == [
        "steps cannot be recorded and are made one by one: "
        "operation not permitted when stream is capturing"
    ]


class Waiting(InstanceNoise):
    """Waits for the device, which a recording cannot."""

    name = "waiting"

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        if RECORDING:
            raise RuntimeError("operation not permitted when stream is capturing")
        return images


RECORDING: list[bool] = []


class Marking(TapeRecorder):
    @override
    def record(
        self, work: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        RECORDING.append(True)
        try:
            return super().record(work, generators)
        finally:
            RECORDING.clear()


def test_a_hook_that_cannot_be_recorded_is_no_fault_of_its_plugin(
    train: Train, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = train(Waiting(), training={"steps": 30})
    trainer.turns = GraphedTurns(trainer.game, Marking())
    with caplog.at_level(logging.WARNING, "gantool"):
        for _ in range(12):
            trainer.one_step()
    (record,) = caplog.records
    assert "steps cannot be recorded and are made one by one: regularizer 'waiting' failed in " in (
        record.getMessage()
    )


class Faulty(TapeRecorder):
    """Records, but a replay is not what was recorded."""

    def __init__(self, times: int) -> None:
        self.times = times

    @override
    def record(
        self, work: Callable[[], None], generators: Sequence[torch.Generator]
    ) -> Callable[[], None]:
        replay = super().record(work, generators)

        def repeated() -> None:
            for _ in range(self.times):
                replay()

        return repeated


@pytest.mark.parametrize("times", [0, 2])
def test_a_recording_that_does_something_else_is_noticed_and_costs_nothing(
    train: Train,
    bits: Callable[[Trainer], dict[str, bytes]],
    caplog: pytest.LogCaptureFixture,
    times: int,
) -> None:
    eager, graphed = (train(training={"steps": 30}, **CHANGING) for _ in range(2))
    graphed.turns = turns = GraphedTurns(graphed.game, Faulty(times))
    for _ in range(8):
        eager.one_step()
        graphed.one_step()
    assert not turns.is_recording
    assert [record.getMessage() for record in caplog.records] == [
        "steps cannot be recorded and are made one by one: "
        "a recording did not do what its step does"
    ]
    assert bits(eager) == bits(graphed)
    assert eager.game.totals.means() == graphed.game.totals.means()


def test_a_step_into_nothing_finite_is_no_reason_to_stop_recording(train: Train) -> None:
    trainer = train(training={"steps": 30})
    trainer.turns = turns = GraphedTurns(trainer.game, TapeRecorder())
    saved = copy.deepcopy(trainer.state())
    with torch.no_grad():
        next(trainer.game.network("generator").parameters()).fill_(torch.nan)
    for _ in range(WARM_UP + 2):
        trainer.one_step()
    assert turns.is_recording
    trainer.load(saved)
    for _ in range(WARM_UP + 2):
        trainer.one_step()
    assert turns.is_recording


class Uncapturable(Regularizer):
    """Reads the device in the middle of a step."""

    name = "uncapturable"
    capturable = False


class Ahead(Regularizer):
    """Makes updates its own way."""

    name = "ahead"

    @override
    def around_update(self, update: Update, step: Step) -> None:
        update()


class Slope(LazyOption, Regularizer):
    """Adds a penalty."""

    name = "slope"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return step.real_logits.square().mean()


@pytest.mark.parametrize(
    ("regularizer", "insists", "reason"),
    [
        (Uncapturable(), True, "'uncapturable' is not capturable"),
        (Ahead(), True, "'ahead' makes updates its own way"),
        (Slope(), False, None),
        (SpectralNorm(), False, None),
    ],
)
def test_some_steps_are_not_recorded_and_the_reason_is_told(
    train: Train, regularizer: Regularizer, insists: bool, reason: str | None
) -> None:
    found = reason_for_eager_steps(train(regularizer).game, insists=insists)
    assert (found is None) if reason is None else (found is not None and reason in found)
