"""Ten steps of the three classic models against plain PyTorch: sigmoid, BCE, torch's own Adam."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy
from torch.nn.utils import parametrizations

from gantool_dcgan.plugin import DCGAN
from gantool_optimizers import optimizers
from gantool_spectral_norm.plugin import SpectralNorm
from gantool_weight_decay.plugin import L2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gantool import Regularizer
    from gantool.training.trainer import Trainer
    from tests.training.conftest import PlainGame, Train

pytestmark = pytest.mark.quick

WIDTH, LATENT, BATCH, IMAGES = 8, 10, 8, 19  # batches of 8, 8 and, kept, 3
STEPS = 10


class Model(NamedTuple):
    """One of the report's three models."""

    regularizers: tuple[Regularizer, ...]
    discriminator_rate: float
    weight_decay: float
    spectral: bool


MODELS = {
    "base": Model((), 1e-3, 0.0, False),
    "l2": Model((L2(weight_decay=5e-3),), 1e-3, 5e-3, False),
    "spectral": Model((SpectralNorm(),), 4e-3, 0.0, True),
}


def plain_generator(size: int) -> nn.Sequential:
    widths = [WIDTH * 2**level for level in range(size.bit_length() - 3)][::-1]
    layers: list[nn.Module] = [nn.ConvTranspose2d(LATENT, widths[0], 4, bias=False)]
    layers += [nn.BatchNorm2d(widths[0]), nn.ReLU()]
    for before, after in pairwise(widths):
        layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1, bias=False), nn.Tanh())


def plain_discriminator(size: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels, width = 3, WIDTH
    for _ in range(size.bit_length() - 3):
        layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.2)]
        channels, width = width, width * 2
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 4, bias=False), nn.Flatten(), nn.Sigmoid())


class PlainLoop:
    """The report's step, written out, on copies of an engine's first weights."""

    def __init__(self, trainer: Trainer, model: Model, size: int) -> None:
        g, d = plain_generator(size), plain_discriminator(size)
        if model.spectral:
            for layer in d:
                if isinstance(layer, nn.Conv2d):
                    parametrizations.spectral_norm(layer)
        dtype = trainer.game.device.dtype
        self.g, self.d = g.to(dtype), d.to(dtype)
        self.pairs = {
            "generator": (self.g, trainer.game.network("generator")),
            "discriminator": (self.d, trainer.game.network("discriminator")),
        }
        for ours, theirs in self.tensors():
            assert ours.shape == theirs.shape
            ours.copy_(theirs)
        rate, decay = model.discriminator_rate, model.weight_decay
        self.g_adam = torch.optim.Adam(g.parameters(), 1e-3, (0.5, 0.999))
        self.d_adam = torch.optim.Adam(d.parameters(), rate, (0.5, 0.999), weight_decay=decay)

    def tensors(self) -> Iterator[tuple[Tensor, Tensor]]:
        for ours, theirs in self.pairs.values():
            for network_tensors in (nn.Module.parameters, nn.Module.buffers):
                pairs = zip(network_tensors(ours), network_tensors(theirs), strict=True)
                yield from ((a.detach(), b.detach()) for a, b in pairs)

    def distance(self) -> float:
        return max(float((ours - theirs).abs().max()) for ours, theirs in self.tensors())

    def step(self, real: Tensor, d_noise: Tensor, g_noise: Tensor) -> tuple[float, float]:
        ones = torch.ones(len(real), 1, dtype=real.dtype)
        self.d_adam.zero_grad()
        fake = self.g(d_noise[:, :, None, None]).detach()
        d_loss = binary_cross_entropy(self.d(real), ones)
        d_loss = d_loss + binary_cross_entropy(self.d(fake), torch.zeros_like(ones))
        torch.autograd.backward(d_loss)
        self.d_adam.step()
        self.g_adam.zero_grad()
        g_loss = binary_cross_entropy(self.d(self.g(g_noise[:, :, None, None])), ones)
        torch.autograd.backward(g_loss)
        self.g_adam.step()
        return d_loss.item(), g_loss.item()


def real_images(trainer: Trainer, step: int) -> Tensor:
    batches = trainer.game.batches
    assert isinstance(batches.images, Tensor)
    pixels = batches.images[batches.indices(step)].permute(0, 3, 1, 2).contiguous()
    return (pixels.to(trainer.game.device.dtype) / 255 - 0.5) / 0.5


@pytest.fixture
def build(train: Train) -> Callable[..., Trainer]:
    def make(model: Model, precision: str, layout: str, size: int) -> Trainer:
        return train(
            *model.regularizers,
            architecture=DCGAN(width=WIDTH, latent_dim=LATENT),
            optimizer={"learning_rate": 1e-3},
            discriminator_optimizer={"learning_rate": model.discriminator_rate},
            count=IMAGES,
            image={"size": size},
            training={"steps": STEPS, "batch_size": BATCH, "last_batch": "keep"},
            device={"precision": precision, "layout": layout},
        )

    return make


def losses_of_a_step(
    trainer: Trainer, loop: PlainLoop, kept: PlainGame
) -> tuple[tuple[float, float], tuple[float, float], int]:
    real = real_images(trainer, trainer.step)
    trainer.one_step()
    d_noise, g_noise = kept.latents[-2:]
    figures = trainer.game.totals.means()
    trainer.game.totals.clear()
    ours = (figures["discriminator_loss"], figures["generator_loss"])
    return ours, loop.step(real, d_noise, g_noise), len(real)


def looping(adam: Any, parameters: Any, **options: Any) -> Any:
    """Return torch's Adam without its fused kernel."""
    return adam(parameters, **{**options, "fused": False})


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "loop"])
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("model", MODELS)
def test_ten_steps_in_float64_are_those_of_plain_pytorch(
    build: Callable[..., Trainer],
    follow: Callable[[Trainer], PlainGame],
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    layout: str,
    fused: bool,
) -> None:
    if not fused:
        monkeypatch.setattr(optimizers, "Adam", partial(looping, optimizers.Adam))
    size = 32 if model == "spectral" else 16
    trainer = build(MODELS[model], "float64", layout, size)
    assert bool(trainer.game.competitors["generator"].optimizer.defaults["fused"]) == fused
    loop, kept = PlainLoop(trainer, MODELS[model], size), follow(trainer)
    sizes = []
    for _ in range(STEPS):
        ours, theirs, count = losses_of_a_step(trainer, loop, kept)
        assert ours == pytest.approx(theirs, rel=0, abs=1e-9)
        sizes.append(count)
    assert loop.distance() < 1e-9
    assert sizes == [8, 8, 3] * 3 + [8]


@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
@pytest.mark.parametrize("model", MODELS)
def test_first_losses_in_float32_are_those_of_plain_pytorch(
    build: Callable[..., Trainer],
    follow: Callable[[Trainer], PlainGame],
    model: str,
    layout: str,
) -> None:
    trainer = build(MODELS[model], "float32", layout, 32)
    loop, kept = PlainLoop(trainer, MODELS[model], 32), follow(trainer)
    ours, theirs, _ = losses_of_a_step(trainer, loop, kept)
    assert ours == pytest.approx(theirs, rel=0, abs=1e-5)
