"""Steps with streamed images, of several processes, from saved states, with every call there is.

In a process of their own: see `test_fake_cuda.py`.
"""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_map_only
from typing_extensions import override

from gantool import DiscriminatorStep, Player, Regularizer, Step, Update
from gantool.data import batches as streaming
from gantool.testing.harness.trying import DEVICE, RUN, take_steps
from gantool.training.device.ranks import Ranks, SynchronizedBatchNorm
from gantool_augmentation.plugin import ADA
from gantool_gradient_penalties.plugin import Dragan
from gantool_lecam.plugin import LeCam
from gantool_spectral_norm.plugin import SpectralNorm

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool import GeneratorStep
    from gantool.testing.harness.pretending import Watch
    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train


def test_state_from_the_cpu_is_gone_on_from(train: Train, watch: Watch) -> None:
    def build() -> Trainer:
        ema = {"half_life_images": 100.0}
        return train(ADA(), SpectralNorm(), training=RUN, ema=ema, device=DEVICE)

    first, second = build(), build()
    take_steps(first, watch)
    first.game.totals.clear()  # as a log does
    saved = first.state()
    second.load(tree_map_only(Tensor, Tensor.cpu, saved))
    take_steps(second, watch)


class Group:
    """A process group whose other process has nothing to add."""

    def allreduce(self, tensors: list[Tensor]) -> Group:
        assert all(tensor.is_contiguous() for tensor in tensors)
        return self

    def wait(self) -> None:
        pass


def test_one_of_two_processes(train: Train, watch: Watch) -> None:
    trainer = train(
        ADA.example(Path()),
        LeCam(),
        Dragan(),
        classes=3,
        training={**RUN, "conditional": True, "synchronize_batch_norm": True},
        device=DEVICE,
        ranks=Ranks(1, 2, Group()),
    )
    kinds = {type(module) for module in trainer.game.network("generator").modules()}
    assert SynchronizedBatchNorm in kinds
    take_steps(trainer, watch)


class Thread:
    """Reads images at once, since fake tensors are one thread's."""

    def __init__(self, count: int, thread_name_prefix: str) -> None:
        assert (count, thread_name_prefix) == (1, "images")

    def submit(self, work: Callable[..., Tensor], *args: Any) -> Future[Tensor]:
        done: Future[Tensor] = Future()
        done.set_result(work(*args))
        return done


@pytest.mark.parametrize("classes", [0, 3])
def test_streamed_images(
    train: Train, watch: Watch, monkeypatch: pytest.MonkeyPatch, classes: int
) -> None:
    monkeypatch.setattr(streaming, "ThreadPoolExecutor", Thread)
    training = {**RUN, "conditional": bool(classes)}
    device = {**DEVICE, "resident": "off"}
    trainer = train(training=training, device=device, classes=classes)
    assert isinstance(trainer.game.batches.images, streaming.Stream)
    take_steps(trainer, watch, 4)


class Consensus(Regularizer):
    """Differentiates both losses in both players (Mescheder et al. 2017)."""

    name = "consensus"
    needs_both_graphs = True

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return self._penalty(step)

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        return self._penalty(step)

    def _penalty(self, step: Step) -> Tensor:
        weights = [*step.network("generator").parameters()]
        (loss, _) = step.game_losses()
        gradients = torch.autograd.grad(loss, weights, create_graph=True)
        return torch.stack([gradient.square().sum() for gradient in gradients]).sum()


class LookAhead(Regularizer):
    """Goes back after an update of the other player, with every call that others do not make."""

    name = "look-ahead"

    @override
    def around_update(self, update: Update, step: Step) -> None:
        other: Player = "generator" if step.player == "discriminator" else "discriminator"
        with step.snapshot(other):
            update(other)
            update.gradients()
        update.apply()

    @override
    def latents(self, latents: Tensor, step: Step) -> Tensor:
        return latents / latents.square().sum(1, keepdim=True).sqrt()

    @override
    def batch(self, real: Tensor, fake: Tensor, step: DiscriminatorStep) -> tuple[Tensor, Tensor]:
        share = step.random.uniform(len(real), 1, 1, 1)
        return real, share * fake + (1 - share) * real

    @override
    def sample_weights(self, step: Step) -> Tensor:
        return torch.softmax(step.fake_logits.detach(), 0) * len(step.fake_logits)

    @override
    def generator_penalty(self, step: GeneratorStep) -> Tensor:
        images = step.synthesis(step.mapping(step.latents))
        return step.average(step.features(images).mean()) * step.progress


@pytest.mark.parametrize("kind", [Consensus, LookAhead])
def test_every_call_of_a_step(train: Train, watch: Watch, kind: type[Regularizer]) -> None:
    take_steps(train(kind(), training=RUN, device=DEVICE), watch)
