"""Frozen parts are never trained, and are named by their hash or kept in what is saved."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import override

from gantool import Frozen, ImageShape, UsageError
from gantool.testing.harness.networks import SmallDiscriminator, SmallGenerator, SmallNetworks
from gantool.testing.harness.trial import frozen_parts
from gantool_diversity.plugin import RandomFeatures
from gantool_spectral_norm.plugin import SpectralNorm
from gantool_weight_decay.plugin import L2
from tests.trainers import assert_replays_are_eager_steps

if TYPE_CHECKING:
    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

Bits = Callable[["Trainer"], dict[str, bytes]]


def pretrained(file: Path, channels: int) -> nn.Module:
    layers = nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.Tanh()
    )
    layers.load_state_dict(torch.load(file, weights_only=True))
    return layers


class Seeing(SmallDiscriminator):
    """Sees images beside what a pretrained network makes of them."""

    def __init__(self, image: ImageShape, classes: int, file: Path) -> None:
        super().__init__(image, classes, "none")
        self.eyes = Frozen(pretrained(file, image.channels))

    @override
    def features(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().features(images + self.eyes(images), labels)


class Finishing(SmallGenerator):
    """Has a pretrained network and random projections finish its images."""

    def __init__(self, image: ImageShape, latent_dim: int, classes: int, file: Path) -> None:
        super().__init__(image, latent_dim, classes, "none")
        self.finish = Frozen(pretrained(file, image.channels))
        self.project = Frozen(nn.Conv2d(image.channels, image.channels, 1), saved=True)

    @override
    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        images: Tensor = self.finish(self.project(super().forward(latents, labels)))
        return images


class Pretrained(SmallNetworks):
    """Networks with parts that were trained elsewhere."""

    name = "pretrained"

    file: Path
    """Weights of those parts."""

    @override
    def generator(self, image: ImageShape, classes: int) -> nn.Module:
        return Finishing(image, self.latent_dim, classes, self.file)

    @override
    def discriminator(self, image: ImageShape, classes: int) -> nn.Module:
        return Seeing(image, classes, self.file)


def weights(file: Path, seed: int) -> Path:
    """Write the weights of a pretrained network."""
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Tanh())
    layers(torch.randn(8, 3, 8, 8))  # which moves its statistics
    torch.save(layers.state_dict(), file)
    return file


@pytest.fixture
def build(train: Train, tmp_path: Path) -> Callable[..., Trainer]:
    file = weights(tmp_path / "weights.pt", 0)

    def build(**options: Any) -> Trainer:
        return train(
            SpectralNorm(player="discriminator"),
            L2(weight_decay=0.1),
            RandomFeatures(width=4),
            architecture=Pretrained(file=file),
            ema={"half_life_images": 30.0},
            **options,
        )

    return build


def held(trainer: Trainer) -> dict[str, dict[str, Tensor]]:
    parts = frozen_parts(trainer)
    assert len(parts) == 3 + 4  # of the networks, and of the regularizer's layers
    return {name: copy.deepcopy(part.module.state_dict()) for name, part in parts.items()}


def test_nobody_sees_what_is_frozen(build: Callable[..., Trainer]) -> None:
    trainer = build(device={"precision": "float64"})
    before = held(trainer)
    generator, discriminator = (trainer.game.network(p) for p in ("generator", "discriminator"))
    for network, own in ((generator, "finish"), (generator, "project"), (discriminator, "eyes")):
        assert not [name for name, _ in network.named_parameters() if own in name]
        assert not [name for name, _ in network.named_buffers() if own in name]
    slopes = nn.Parameter(torch.zeros(2, 3, 16, 16, dtype=torch.float64))
    discriminator(slopes).sum().backward()
    assert slopes.grad is not None
    assert slopes.grad.abs().min() > 0
    for _ in range(4):
        trainer.one_step()
    for name, part in frozen_parts(trainer).items():
        assert not any(module.training for module in part.module.modules())
        for key, tensor in part.module.state_dict().items():
            assert torch.equal(tensor, before[name][key])
            assert tensor.dtype in (torch.float64, torch.int64)


def test_a_checkpoint_names_what_it_leaves_out_and_goes_on_exactly(
    build: Callable[..., Trainer], bits: Bits
) -> None:
    straight, first, second = build(), build(), build()
    for _ in range(2):
        first.one_step()
    saved = copy.deepcopy(first.state())
    names = [name for name in saved["networks"]["generator"] if name.startswith("finish")]
    assert names == ["finish.sha256"]
    assert "project.weight" in saved["networks"]["generator"]
    assert saved["average"] is not None
    assert "finish.sha256" in saved["average"]
    second.load(saved)
    for _ in range(2):
        second.one_step()
    for _ in range(4):
        straight.one_step()
    assert bits(second) == bits(straight)


def test_drawn_weights_are_those_that_were_drawn_first(build: Callable[..., Trainer]) -> None:
    first, other = build(), build(training={"seed": 3})
    before, others = held(first), held(other)
    other.load(first.state())
    for name, tensors in held(other).items():
        expected = before[name]
        assert all(torch.equal(tensor, expected[key]) for key, tensor in tensors.items())
    drawn, kept = (each["generator.project"]["weight"] for each in (others, before))
    assert not torch.equal(drawn, kept)


def test_other_weights_than_those_trained_with_are_refused(
    build: Callable[..., Trainer], tmp_path: Path
) -> None:
    trainer = build()
    trainer.one_step()
    saved = trainer.state()
    weights(tmp_path / "weights.pt", 1)
    with pytest.raises(UsageError, match=r"weights of 'eyes' are others .* SHA-256") as caught:
        build().load(saved)
    assert "bring back the file" in str(caught.value.hint)


def test_replays_are_eager_steps(build: Callable[..., Trainer], bits: Bits) -> None:
    assert_replays_are_eager_steps(partial(build, training={"steps": 50}), bits)
