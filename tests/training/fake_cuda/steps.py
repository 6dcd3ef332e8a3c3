"""Steps of all kinds on fake CUDA tensors, in a process of their own: see `test_fake_cuda.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils import parametrize

from gantool.recipe.reading import read_recipe
from gantool.recipe.shipped import shipped_names
from gantool.testing.harness.trying import DEVICE, RUN, take_steps
from gantool.training.building import build_trainer
from gantool.training.device.device import open_device
from gantool_dcgan.plugin import DCGAN
from gantool_gradient_penalties.plugin import R1
from gantool_spectral_norm.plugin import SpectralNorm
from tests.trainers import random_images

if TYPE_CHECKING:
    from gantool.testing.harness.pretending import Watch
    from tests.training.conftest import Train

RECIPES = shipped_names()
SMALL = [
    "image.size=16",
    "architecture.width=4",
    "architecture.latent_dim=6",
    "training.steps=100",
    "training.batch_size=8",
    "training.log_every_steps=2",
    'device.name="cuda"',
    'device.graph="off"',
]
PLAIN = DCGAN(width=4, latent_dim=6, discriminator_norm="none")


def test_there_is_something_to_try() -> None:
    assert len(RECIPES) >= 7


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_recipe(name: str, watch: Watch) -> None:
    recipe = read_recipe(name, SMALL)
    images = random_images(recipe.tables.image.shape, 20, 0)
    trainer = build_trainer(recipe, images, open_device(recipe.tables.device))
    assert trainer.game.device.autocast is torch.bfloat16
    updates = recipe.tables.training.discriminator_updates
    steps = 4 if updates == 1 else 2  # more than an epoch
    take_steps(trainer, watch, steps)
    assert watch.optimizer_steps == steps * (1 + updates)
    options = trainer.game.competitors["generator"].optimizer.param_groups[0]
    assert options["fused"]
    assert options["capturable"]


@pytest.mark.parametrize(
    "training",
    [
        {"last_batch": "keep"},
        {"accumulate": 2},
        {"discriminator_updates": 2, "reuse_fakes": True},
        {"label_sampling": "uniform"},
    ],
    ids=str,
)
def test_kind_of_training(train: Train, watch: Watch, training: dict[str, Any]) -> None:
    trainer = train(
        R1(every_steps=2),
        count=20,
        classes=3,
        architecture=PLAIN,
        training={**RUN, "conditional": True, **training},
        image={"size": 16, "channels": 1, "horizontal_flip": True},
        ema={"half_life_images": 100.0, "ramp_up": 0.05},
        device=DEVICE,
    )
    take_steps(trainer, watch, 4)


@pytest.mark.parametrize(
    "table",
    [
        {"use": "adam", "clip_gradient_norm": 1.0},
        {"use": "adamw"},
        {"use": "rmsprop", "clip_gradient_norm": 1.0},
        {"use": "sgd"},
        {"use": "sgd", "momentum": 0.9},
        {"use": "sgd", "momentum": -0.5},
    ],
    ids=str,
)
def test_optimizer(train: Train, watch: Watch, table: dict[str, Any]) -> None:
    cosine = {**table, "schedule": "cosine"}
    take_steps(train(optimizer=cosine, training=RUN, device=DEVICE), watch)


def test_the_base_model_stays_in_channels_last(train: Train, watch: Watch) -> None:
    trainer = train(training=RUN, device=DEVICE)
    take_steps(trainer, watch)
    assert watch.contiguous == []


def test_image_gradients_are_in_full_precision(train: Train, watch: Watch) -> None:
    trainer = train(R1(), architecture=PLAIN, training=RUN, device=DEVICE)
    taken, halves = trainer.game.image_gradient, []

    def image_gradient(images: Tensor, labels: Tensor | None) -> Tensor:
        before = watch.halves
        gradient = taken(images, labels)
        halves.append(watch.halves - before)
        return gradient

    trainer.game.image_gradient = image_gradient  # type: ignore[method-assign]
    take_steps(trainer, watch)
    assert halves == [0, 0]
    assert watch.halves > 100


def test_spectral_norms_are_in_full_precision(train: Train, watch: Watch) -> None:
    trainer = train(SpectralNorm(player="discriminator"), training=RUN, device=DEVICE)
    before: list[int] = []
    after: list[int] = []
    for module in trainer.game.network("discriminator").modules():
        if isinstance(module, parametrize.ParametrizationList):
            module.register_forward_pre_hook(lambda *_: before.append(watch.halves))
            module.register_forward_hook(lambda *_: after.append(watch.halves))
    take_steps(trainer, watch)
    assert before == after
    assert len(before) >= 3 * 3 * 2  # layers, passes, steps
