"""Latents of pictures that belong together: on the way from one to the next, or one row a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.evaluation.sampling.generator import TrainedGenerator


class Wanted(NamedTuple):
    """Latents [N, latent_dim] that a generator is to draw, and labels, int64 [N], if it has any."""

    latents: Tensor
    labels: Tensor | None


def interpolations(
    generator: TrainedGenerator,
    rows: int,
    columns: int,
    seed: int = 0,
    label: int | str | None = None,
    *,
    truncation: float | None = None,
) -> Wanted:
    """Return latents and labels of rows, each on the great circle from one latent to another.

    The ends are the seed's latents in their order. Each row is of the label, or of a class by
    chance.
    """
    ends = generator.latents(2 * rows, seed, truncation=truncation)
    shares = torch.linspace(0, 1, columns)
    latents = [interpolate(ends[2 * row], ends[2 * row + 1], shares) for row in range(rows)]
    labels = generator.labels(rows, seed, label)
    if labels is not None:
        labels = labels.repeat_interleave(columns)
    return Wanted(torch.cat(latents), labels)


def class_rows(
    generator: TrainedGenerator, columns: int, seed: int = 0, *, truncation: float | None = None
) -> Wanted:
    """Return latents and labels of a row of pictures for each class, the same latents in each.

    Raises:
        UsageError: When the generator is not conditional.
    """
    generator.refuse_unconditional("there is no grid of them")
    count = len(generator.classes)
    latents = generator.latents(columns, seed, truncation=truncation).repeat(count, 1)
    labels = torch.arange(count).repeat_interleave(columns)
    return Wanted(latents, labels)


def walk_frames(
    generator: TrainedGenerator,
    stops: int,
    frames: int,
    seed: int = 0,
    label: int | str | None = None,
    *,
    truncation: float | None = None,
) -> Wanted:
    """Return latents and labels of a closed walk over a seed's first latents, by legs of frames.

    All frames are of the label, or of the class of the seed's first picture.
    """
    latents = walk(generator.latents(stops, seed, truncation=truncation), frames)
    labels = generator.labels(1, seed, label)
    if labels is not None:
        labels = labels.expand(len(latents))
    return Wanted(latents, labels)


def interpolate(start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
    """Return the latents on the great circle from `start` to `end`, [N, latent_dim].

    Shares in [0, 1] say how far on the way each is (Shoemake 1985, section 3.3). Straight lines
    would pass through lengths that N(0, 1) in many dimensions never has (White 2016); along the
    arc, the length changes evenly from one to the other.
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
    """Return a closed walk: from each latent to the next, and from the last to the first."""
    shares = torch.arange(frames) / frames
    pairs = zip(latents, latents.roll(-1, 0), strict=True)
    return torch.cat([interpolate(start, end, shares) for start, end in pairs])
