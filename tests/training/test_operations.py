"""What the engine costs, counted: operations of a step beside those of a loop without any."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from typing_extensions import override

from gantool_dcgan.plugin import DCGAN

if TYPE_CHECKING:
    from collections.abc import Callable

    from gantool.training.trainer import Trainer
    from tests.training.conftest import Train

INTERVAL, BATCH, LATENT = 10, 8, 12


class Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts calls of torch's operators."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls = 0

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def bare_step(trainer: Trainer) -> Callable[[], None]:
    """Return the leanest loop of the same loss: fused Adam, no weight gradients in vain."""
    g, d = (copy.deepcopy(trainer.game.network(p)) for p in ("generator", "discriminator"))
    g_adam, d_adam = (
        torch.optim.Adam(n.parameters(), 1e-3, betas=(0.5, 0.999), fused=True) for n in (g, d)
    )
    weights, pixels = list(d.parameters()), trainer.game.batches.images
    assert isinstance(pixels, torch.Tensor)
    order, loss = torch.randperm(len(pixels)), trainer.game.loss

    def step() -> None:
        chosen = order[:BATCH]
        real = pixels[chosen].permute(0, 3, 1, 2).to(torch.float32).div_(127.5).sub_(1)
        real = real.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            fake = g(torch.randn(BATCH, LATENT))
        d_adam.zero_grad()
        torch.autograd.backward(loss.discriminator(d(real), d(fake)).mean())
        d_adam.step()
        g_adam.zero_grad()
        for weight in weights:
            weight.requires_grad_(False)
        torch.autograd.backward(loss.generator(d(g(torch.randn(BATCH, LATENT))), None).mean())
        for weight in weights:
            weight.requires_grad_(True)
        g_adam.step()

    return step


def test_a_step_takes_at_most_a_twentieth_more_operations_than_a_bare_loop(train: Train) -> None:
    trainer = train(
        architecture=DCGAN(width=4, latent_dim=LATENT),
        training={"steps": 100, "log_every_steps": INTERVAL, "batch_size": BATCH},
    )
    bare = bare_step(trainer)
    for _ in range(INTERVAL):  # optimizers make their state in their first step
        trainer.one_step()
        bare()
    with Counting() as engine:
        for _ in range(INTERVAL):  # losses, scores and gradient norms are among them
            trainer.one_step()
    with Counting() as loop:
        for _ in range(INTERVAL):
            bare()
    assert loop.calls > INTERVAL * 100
    assert engine.calls <= 1.05 * loop.calls, (engine.calls, loop.calls)
