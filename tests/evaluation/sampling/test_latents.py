"""Latents between latents, and latents near the mean."""

from __future__ import annotations

import math

import pytest
import torch

from gantool.evaluation.sampling.arrangements import interpolate, walk
from gantool.evaluation.sampling.draws import draw_latents, truncate


def slerp(start: torch.Tensor, end: torch.Tensor, share: float) -> torch.Tensor:
    """Rotate from one direction to the other in their plane, in float64; lengths go evenly."""
    a, b = start.double(), end.double()
    first = a / a.norm()
    beside = b - first.dot(b) * first
    beside /= beside.norm()
    angle = math.acos(float(a.dot(b) / a.norm() / b.norm())) * share
    length = (1 - share) * a.norm() + share * b.norm()
    turned: torch.Tensor = length * (math.cos(angle) * first + math.sin(angle) * beside)
    return turned


def test_the_way_is_an_arc() -> None:
    start, end = draw_latents(3, 2, 50)
    shares = torch.linspace(0, 1, 7)
    found = interpolate(start, 2 * end, shares)
    assert torch.allclose(found[0], start, atol=1e-5)
    assert torch.allclose(found[-1], 2 * end, atol=1e-5)
    for latent, share in zip(found, shares.tolist(), strict=True):
        assert torch.allclose(latent.double(), slerp(start, 2 * end, share), atol=1e-5)
    halfway = interpolate(start, end, torch.tensor([0.5]))[0]
    assert halfway.norm() > 0.9 * min(start.norm(), end.norm())
    assert (start + end).norm() / 2 < 0.8 * min(start.norm(), end.norm())  # a line is too short


@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0, 0.0])
def test_latents_on_one_line_have_a_way_too(factor: float) -> None:
    start = draw_latents(0, 1, 20)[0]
    found = interpolate(start, factor * start, torch.linspace(0, 1, 5))
    assert found.isfinite().all()
    assert torch.allclose(found[0], start, atol=1e-5)
    assert torch.allclose(found[-1], factor * start, atol=1e-5)


def test_a_walk_comes_back_without_a_jump() -> None:
    latents = draw_latents(1, 4, 30)
    steps = walk(latents, 10)
    assert steps.shape == (40, 30)
    assert torch.allclose(steps[::10], latents, atol=1e-5)
    strides = (steps - steps.roll(1, 0)).norm(dim=1)
    assert strides.max() < 3 * strides.median()


@pytest.mark.parametrize("threshold", [0.05, 0.7, 2.0])
def test_truncated_latents_follow_the_truncated_normal(threshold: float) -> None:
    latents = draw_latents(5, 2000, 50)
    found = truncate(latents, threshold, 5)
    assert found.abs().max() <= threshold
    inside = latents.abs() <= threshold
    assert torch.equal(found[inside], latents[inside])
    grid = torch.linspace(-threshold, threshold, 9)[1:-1].double()
    low, high = torch.special.ndtr(torch.tensor([-threshold, threshold]).double())
    expected = (torch.special.ndtr(grid) - low) / (high - low)
    shares = (found.double().flatten()[None] <= grid[:, None]).double().mean(1)
    assert (shares - expected).abs().max() < 4 * 0.5 / math.sqrt(found.numel())


def test_truncation_depends_on_the_seed_and_ends_at_the_mean() -> None:
    latents = draw_latents(5, 10, 50)
    assert torch.equal(truncate(latents, 0.5, 5), truncate(latents, 0.5, 5))
    assert not torch.equal(truncate(latents, 0.5, 5), truncate(latents, 0.5, 6))
    assert torch.equal(truncate(latents, 0.0, 5), torch.zeros_like(latents))
    assert torch.equal(truncate(latents, 9.0, 5), latents)
    assert torch.equal(truncate(latents[:3], 0.5, 5), truncate(latents, 0.5, 5)[:3])
