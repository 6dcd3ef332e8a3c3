"""A training that was interrupted and resumed is bitwise the one that was not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import (
    DiscriminatorStep,
    LazyOption,
    Regularizer,
    Setup,
    Step,
    Update,
    UsageError,
)
from gantool.recipe.schema import CheckpointsTable
from gantool.runs.checkpoints import Checkpoints
from gantool.training.observers import Observer, Record
from gantool.training.state.beginning import Beginning
from gantool.training.state.form import training_state
from gantool.training.state.saving import Saver
from gantool_dcgan.plugin import DCGAN
from gantool_spectral_norm.plugin import SpectralNorm

if TYPE_CHECKING:
    from pathlib import Path

    from gantool.training.state.form import State
    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

STEPS = 6
Bits = Callable[["Trainer"], dict[str, bytes]]


class R1(LazyOption, Regularizer):
    """Penalize the gradient on real images."""

    name = "r1"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return step.image_gradient(step.real).square().sum((1, 2, 3)).mean()


class Remembering(Regularizer):
    """Has a buffer, trained parameters and random numbers in and around updates."""

    name = "remembering"

    @override
    def make_state(self, setup: Setup) -> nn.Module:
        state = nn.Linear(1, 1)
        state.register_buffer("shift", torch.zeros(()))
        return state

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        told: Tensor = step.state(nn.Linear)(step.fake_logits[:, None])
        return (told - step.random.normal(len(told), 1)).square().mean()

    @override
    def transform(self, images: Tensor, step: Step) -> Tensor:
        return images + step.state(nn.Linear).get_buffer("shift")

    @override
    def around_update(self, update: Update, step: Step) -> None:
        step.state(nn.Linear).get_buffer("shift").copy_(0.1 * step.random.normal())
        update()

    @override
    def after_update(self, step: Step) -> None:
        step.state(nn.Linear).get_buffer("shift").add_(0.1 * step.random.normal())


class Records(Observer):
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.kept: list[Record] = []

    @override
    def at_log(self, record: Record) -> None:
        self.kept.append(record)


def everything(train: Train) -> Trainer:
    return train(
        SpectralNorm(),
        R1(every_steps=3),
        Remembering(),
        architecture=DCGAN(width=8, latent_dim=10, discriminator_norm="none"),
        optimizer={"learning_rate": 2e-3, "schedule": "cosine"},
        count=21,
        image={"horizontal_flip": True},
        training={
            "steps": STEPS,
            "batch_size": 8,
            "last_batch": "keep",
            "discriminator_updates": 2,
            "reuse_fakes": True,
            "accumulate": 2,
            "log_every_steps": 4,
        },
        ema={"half_life_images": 50.0, "start_step": 1, "ramp_up": 0.5},
    )


def batch_norm(train: Train) -> Trainer:
    return train(
        optimizer={"use": "sgd", "momentum": 0.9, "learning_rate": 0.01},
        discriminator_optimizer={"use": "rmsprop", "learning_rate": 1e-3},
        training={"steps": STEPS, "log_every_steps": 4},
        ema={"half_life_images": 50.0},
    )


def checkpoints(folder: Path) -> Checkpoints:
    return Checkpoints(folder, "run", keep_last=100)


def saver(folder: Path) -> Saver:
    return Saver(checkpoints(folder), CheckpointsTable(every_steps=1))


@pytest.mark.parametrize("build", [everything, batch_norm])
def test_resuming_after_any_step_gives_the_same_bits(
    train: Train, bits: Bits, tmp_path: Path, build: Callable[[Train], Trainer]
) -> None:
    straight, records = build(train), Records()
    straight.saver = saver(tmp_path)
    states: list[dict[str, bytes]] = []
    straight.train([records])
    assert [record.step for record in records.kept] == [4, STEPS]
    for step in range(STEPS):
        kept = {c.step: c for c in checkpoints(tmp_path).all()}[step]
        resumed = build(train)
        resumed.load(training_state(kept))
        assert resumed.step == step
        states.append(bits(resumed))
        later = Records()
        resumed.train([later])
        assert bits(resumed) == bits(straight)
        assert later.kept == [record for record in records.kept if record.step > step]
    assert all(a != b for a, b in pairwise(states))


def test_going_back_undoes_everything(train: Train, bits: Bits, tmp_path: Path) -> None:
    trainer = everything(train)
    first = bits(trainer)
    trainer.saver = saver(tmp_path)
    trainer.train()
    trainer.load(training_state(checkpoints(tmp_path).all()[-1]))
    assert bits(trainer) == first  # no optimizer remembers what it has not done yet


def test_a_finished_run_is_resumed_as_it_is(train: Train, bits: Bits, tmp_path: Path) -> None:
    done = batch_norm(train)
    done.saver = saver(tmp_path)
    done.train()
    newest, _ = checkpoints(tmp_path).newest()
    assert newest is not None
    resumed = batch_norm(train)
    resumed.load(training_state(newest))
    resumed.train()
    assert resumed.is_finished()
    assert bits(resumed) == bits(done)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_a_state_saved_in_one_memory_order_goes_on_in_another(
    train: Train, tmp_path: Path, optimizer: str
) -> None:
    def trainer(layout: str) -> Trainer:
        options: dict[str, Any] = {"use": optimizer, "learning_rate": 1e-3}
        if optimizer in ("rmsprop", "sgd"):
            options["momentum"] = 0.5
        return train(optimizer=options, device={"layout": layout, "precision": "float64"})

    straight = trainer("contiguous")
    straight.saver = saver(tmp_path)
    for _ in range(2):
        straight.one_step()
    straight.save()
    newest, _ = checkpoints(tmp_path).newest()
    assert newest is not None
    resumed = trainer("channels_last")
    resumed.load(training_state(newest))
    for _ in range(3):
        straight.one_step()
        resumed.one_step()
    for player, competitor in straight.game.competitors.items():
        ours, theirs = competitor.network, resumed.game.network(player)
        torch.testing.assert_close(
            dict(theirs.state_dict()), dict(ours.state_dict()), rtol=0, atol=1e-9
        )


def saved_state(trainer: Trainer, folder: Path) -> State:
    trainer.saver = saver(folder)
    trainer.save()
    newest, _ = checkpoints(folder).newest()
    assert newest is not None
    return training_state(newest)


def test_a_state_of_other_networks_is_refused_by_name(train: Train, tmp_path: Path) -> None:
    state = saved_state(train(), tmp_path)
    with pytest.raises(UsageError, match=r"the saved discriminator has another structure: .*size"):
        train(architecture=DCGAN(width=16, latent_dim=10)).load(state)
    with pytest.raises(UsageError, match=r"the saved discriminator had 7 trained tensors.* has 9"):
        train(Remembering()).load(state)
    state["optimizers"]["discriminator"] = [{}] * 9
    with pytest.raises(UsageError, match="the saved regularizer 'remembering' has another"):
        train(Remembering()).load(state)


def beginning(state: State) -> Beginning:
    """Return what a run begins with whose networks need not be rebuilt."""

    def rebuild(*_: object) -> nn.Module:
        raise AssertionError("the networks fit as they are")

    return Beginning(state, rebuild, lambda: "nowhere")


def test_a_run_starts_from_the_networks_of_another_with_fresh_optimizers(
    train: Train, tmp_path: Path
) -> None:
    first = train(ema={"half_life_images": 20.0})
    for _ in range(3):
        first.one_step()
    state = saved_state(first, tmp_path)
    options: dict[str, Any] = {"ema": {"half_life_images": 20.0}, "training": {"seed": 5}}
    second = train(beginning=beginning(state), **options)
    assert second.step == 0
    assert second.game.average is not None
    assert first.game.average is not None
    for ours, theirs in (
        *((second.game.network(p), first.game.network(p)) for p in second.game.competitors),
        (second.game.average.network, first.game.average.network),
    ):
        torch.testing.assert_close(
            dict(ours.state_dict()), dict(theirs.state_dict()), rtol=0, atol=0
        )
    assert all(not c.optimizer.state for c in second.game.competitors.values())


def test_without_a_saved_average_it_starts_from_the_generator(train: Train, tmp_path: Path) -> None:
    first = train()
    first.one_step()
    options: dict[str, Any] = {"ema": {"half_life_images": 20.0}, "training": {"seed": 5}}
    second = train(beginning=beginning(saved_state(first, tmp_path)), **options)
    assert second.game.average is not None
    expected = dict(first.game.network("generator").state_dict())
    torch.testing.assert_close(
        dict(second.game.average.network.state_dict()), expected, rtol=0, atol=0
    )
