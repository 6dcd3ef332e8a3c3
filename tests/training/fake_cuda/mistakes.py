"""Mistakes that the watch must find, in a process of their own: see `test_fake_cuda.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException
from typing_extensions import override

from gantool import PluginError
from gantool.testing.harness.pretending import NotForCudaError
from gantool.testing.harness.trying import DEVICE, RUN, take_steps
from gantool_gradient_penalties.plugin import R1

if TYPE_CHECKING:
    from torch import Tensor

    from gantool import DiscriminatorStep
    from gantool.testing.harness.pretending import Watch
    from tests.training.conftest import Train


class Reading(R1):
    """Reads a number in its penalty."""

    name = "reading"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return super().discriminator_penalty(step) * float(step.real.mean())


class OnCPU(R1):
    """Makes a number on the CPU, which torch lets meet tensors on CUDA."""

    name = "on-cpu"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return super().discriminator_penalty(step) * torch.tensor(2.0)


class Unseeded(R1):
    """Draws from nobody's generator."""

    name = "unseeded"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return super().discriminator_penalty(step) * torch.rand_like(step.real).mean()


class Halved(R1):
    """Computes in bf16 outside the networks."""

    name = "halved"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return super().discriminator_penalty(step) * step.real.bfloat16().mean()


class Selecting(R1):
    """Takes what a mask selects, whose number the host has to know."""

    name = "selecting"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        return super().discriminator_penalty(step) * step.real[step.real < 0].mean()


class Replacing(R1):
    """Writes where a mask is set; likewise."""

    name = "replacing"

    @override
    def discriminator_penalty(self, step: DiscriminatorStep) -> Tensor:
        images = step.real.clone()
        images[images < 0] = images.mean()
        return super().discriminator_penalty(step) * images.mean()


@pytest.mark.parametrize(
    ("kind", "error", "reason"),
    [
        (Reading, DataDependentOutputException, "_local_scalar_dense"),
        (OnCPU, NotForCudaError, "not on CUDA"),
        (Unseeded, NotForCudaError, "global generator"),
        (Halved, NotForCudaError, "bf16"),
        (Selecting, DynamicOutputShapeException, "nonzero"),
        (Replacing, NotForCudaError, "number of indices"),
    ],
)
def test_mistake_is_found(
    train: Train, watch: Watch, kind: type[R1], error: type[Exception], reason: str
) -> None:
    trainer = train(kind(), training=RUN, device=DEVICE)
    with pytest.raises(PluginError, match=reason) as caught:
        take_steps(trainer, watch)
    assert type(caught.value.__cause__) is error


def test_waiting_for_a_copy_is_found(train: Train, watch: Watch) -> None:
    trainer = train(training=RUN, device=DEVICE)
    trainer.game.batches._order = lambda epoch: torch.arange(24).to("cuda")  # type: ignore[assignment]
    with pytest.raises(NotForCudaError, match="waits for a copy"):
        take_steps(trainer, watch)


def test_gradient_in_another_order_is_found(train: Train, watch: Watch) -> None:
    trainer = train(training=RUN, device=DEVICE)
    competitor = trainer.game.competitors["generator"]
    weight = competitor.parameters[0]
    competitor.optimizer.register_step_pre_hook(
        lambda *_: setattr(weight, "grad", torch.zeros(weight.shape, device="cuda"))
    )
    with pytest.raises(NotForCudaError, match="another order"):
        take_steps(trainer, watch)
