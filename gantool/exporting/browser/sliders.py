"""The coordinates of a latent that are worth a slider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from gantool.training.randomness import seed_of

if TYPE_CHECKING:
    from gantool.exporting.plain import PlainGenerator

COUNT = 8
"""Sliders on the page."""
LATENTS = 4
"""Latents around which pictures are changed."""
PROJECTIONS = 8
"""Random directions of change that are tried for each."""


def strongest_coordinates(plain: PlainGenerator) -> list[int]:
    """Return the coordinates that change pictures the most, the strongest first.

    The squared length of the derivative of all pixels by a coordinate is the mean of
    (v' dG/dz)^2 over random directions v (Hutchinson 1990): a few backward passes, however many
    coordinates there are.
    """
    inputs = [each.repeat_interleave(PROJECTIONS, 0) for each in plain.inputs(LATENTS)]
    latents = inputs[0].requires_grad_()  # [LATENTS * PROJECTIONS, latent_dim]
    images = plain.network(latents, *inputs[1:])
    random = torch.Generator().manual_seed(seed_of("sliders"))
    directions = torch.randn(images.shape, generator=random)
    (gradient,) = torch.autograd.grad((images * directions).sum(), latents)
    strengths = gradient.square().sum(0)  # [latent_dim]
    return torch.topk(strengths, min(COUNT, len(strengths))).indices.tolist()
