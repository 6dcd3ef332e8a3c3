"""The optimizers are torch's own, bit for bit, without its compiler."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gantool import Optimizer, Scheduled
from gantool_optimizers.plugin import SGD, Adam, AdamW, RMSprop

TORCHS: dict[str, tuple[Optimizer, Any, dict[str, Any]]] = {
    "adam": (
        Adam(betas=(Scheduled(0.3), Scheduled(0.9)), eps=1e-6),
        torch.optim.Adam,
        {"betas": (0.3, 0.9), "eps": 1e-6, "fused": True},
    ),
    "adamw": (
        AdamW(betas=(Scheduled(0.0), Scheduled(0.99)), weight_decay=0.2),
        torch.optim.AdamW,
        {"betas": (0.0, 0.99), "eps": 1e-8, "weight_decay": 0.2, "fused": True},
    ),
    "rmsprop": (
        RMSprop(alpha=0.8, momentum=0.3),
        torch.optim.RMSprop,
        {"alpha": 0.8, "momentum": 0.3},
    ),
    "sgd": (SGD(momentum=0.6), torch.optim.SGD, {"momentum": 0.6, "fused": True}),
}


def trained(optimizer: torch.optim.Optimizer, rate: Tensor, weights: list[nn.Parameter]) -> None:
    """Take steps along random gradients at a falling rate."""
    chance = torch.Generator().manual_seed(1)
    for step in range(20):
        rate.fill_(0.05 / (step + 1))
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=chance)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def made() -> tuple[list[nn.Parameter], Tensor]:
    chance = torch.Generator().manual_seed(0)
    shapes = ((8, 3, 4, 4), (8,), (1, 8))
    return [nn.Parameter(torch.randn(s, generator=chance)) for s in shapes], torch.tensor(0.0)


@pytest.mark.parametrize("name", TORCHS)
def test_it_is_torchs_own_bit_for_bit(name: str) -> None:
    component, kind, options = TORCHS[name]
    (ours, our_rate), (theirs, their_rate) = made(), made()
    optimizer, reference = component.build(ours, our_rate), kind(theirs, lr=their_rate, **options)
    assert isinstance(optimizer, kind)
    trained(optimizer, our_rate, ours)
    trained(reference, their_rate, theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)
        remembered, expected = optimizer.state[one], reference.state[other]
        assert remembered.keys() == expected.keys()
        assert all(torch.equal(remembered[key], expected[key]) for key in expected)


def test_a_negative_momentum_takes_back_a_share_of_the_last_step() -> None:
    weights, rate = made()
    before = [weight.detach().clone() for weight in weights]
    optimizer = SGD(momentum=-0.4).build([{"params": weights, "weight_decay": 0.1}], rate)
    rate.fill_(0.5)
    velocities = [torch.zeros_like(weight) for weight in before]
    for _ in range(3):
        for weight, velocity, value in zip(weights, velocities, before, strict=True):
            weight.grad = torch.ones_like(weight)
            velocity.copy_(-0.4 * velocity + 1 + 0.1 * value)
            value.sub_(0.5 * velocity)
        optimizer.step()
    for weight, value in zip(weights, before, strict=True):
        torch.testing.assert_close(weight.detach(), value, rtol=0, atol=1e-6)


def test_torchs_compiler_is_not_imported() -> None:
    program = """
import sys, torch
from gantool_optimizers.plugin import gantool_components
for component in gantool_components():
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = component().build([weight], torch.tensor(0.1))
    weight.grad = torch.ones(2)
    optimizer.step()
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
