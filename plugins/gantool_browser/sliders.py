"""The coordinates of a latent that are worth a slider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from gantool import Trained

LATENTS = 4
"""Latents around which pictures are changed."""
PROJECTIONS = 8
"""Random directions of change that are tried for each."""
SEED = 7032972863545970052
"""Of those directions: the same generator makes the same page."""


def strongest_coordinates(trained: Trained, count: int) -> list[int]:
    """Return the coordinates that change pictures the most, the strongest first.

    The squared length of the derivative of all pixels by a coordinate is the mean of
    (v' dG/dz)^2 over random directions v (Hutchinson 1990): a few backward passes, however many
    coordinates there are.
    """
    inputs = [each.repeat_interleave(PROJECTIONS, 0) for each in trained.inputs(LATENTS, 0)]
    latents = inputs[0].requires_grad_()  # [LATENTS * PROJECTIONS, latent_dim]
    images = trained.network(latents, *inputs[1:])
    random = torch.Generator().manual_seed(SEED)
    directions = torch.randn(images.shape, generator=random)
    (gradient,) = torch.autograd.grad((images * directions).sum(), latents)
    strengths = gradient.square().sum(0)  # [latent_dim]
    return torch.topk(strengths, min(count, len(strengths))).indices.tolist()
