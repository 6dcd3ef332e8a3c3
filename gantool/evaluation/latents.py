"""Latents: truncated, and on the way from one to the next."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gantool.evaluation.sampling import draw_latents
from gantool.training.randomness import seed_of


def truncate(latents: Tensor, threshold: float, seed: int) -> Tensor:
    """Draw again what is farther than `threshold` from 0, until it is not.

    The truncation trick of Brock et al. (2019, section 3.1). What is drawn again comes from the
    truncated distribution itself, by the inverse of its distribution function: drawing until one
    number fits gives the same distribution and would take forever for a small threshold.

    Args:
        latents: [N, latent_dim] from N(0, 1).
        threshold: Largest magnitude that stays; 0 leaves the mean alone.
        seed: Where the new numbers start.
    """
    fresh = draw_latents(seed_of(seed, "truncated latents"), *latents.shape)  # [N, latent_dim]
    share = torch.special.erf(fresh.double() / math.sqrt(2))  # uniform in (-1, 1)
    inside = math.sqrt(2) * torch.special.erfinv(share * math.erf(threshold / math.sqrt(2)))
    return torch.where(latents.abs() > threshold, inside.to(latents.dtype), latents)


def interpolate(start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
    """Return the latents on the great circle from `start` to `end` (Shoemake 1985, section 3.3).

    Straight lines would pass through lengths that N(0, 1) in many dimensions never has (White
    2016); along the arc, the length changes evenly from one to the other.

    Args:
        start: [latent_dim].
        end: [latent_dim].
        shares: How far on the way each latent is, [N] in [0, 1].

    Returns:
        [N, latent_dim].
    """
    lengths = torch.stack([start.norm(), end.norm()]).clamp(min=1e-12)
    directions = torch.stack([start, end]) / lengths[:, None]  # [2, latent_dim]
    angle = directions[0].dot(directions[1]).clamp(-1, 1).acos()
    weights = torch.stack([1 - shares, shares], dim=1)  # [N, 2]
    along = directions * (weights @ lengths)[:, None, None]  # [N, 2, latent_dim]
    sine = angle.sin()
    if sine > 1e-4:  # else the two are parallel, and the arc is a line
        weights = (weights * angle).sin() / sine
    return (weights[:, :, None] * along).sum(1)


def walk(latents: Tensor, frames: int) -> Tensor:
    """Return a closed walk: from each latent to the next, and from the last to the first.

    Args:
        latents: [N, latent_dim].
        frames: Latents on each leg; its end is the next leg's start.

    Returns:
        [N * frames, latent_dim].
    """
    shares = torch.arange(frames) / frames
    pairs = zip(latents, latents.roll(-1, 0), strict=True)
    return torch.cat([interpolate(start, end, shares) for start, end in pairs])
