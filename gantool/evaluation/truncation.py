"""Styles drawn towards their mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gantool.evaluation.sampling import draw_latents
from gantool.training.randomness import seed_of

if TYPE_CHECKING:
    from collections.abc import Callable

LATENTS = 4096
"""Latents over which the mean style is taken."""


class TruncatedStyles(nn.Module):
    """A generator whose styles are drawn towards their mean (Karras et al. 2019, section B).

    w' = mean + psi (w - mean). A conditional generator has one mean for each class.

    Args:
        generator: Has `mapping` and `synthesis`.
        psi: Share of the distance from the mean that is kept.
        latent_dim: Numbers in one latent.
        classes: Number of classes; 0 where it is not conditional.
    """

    means: Tensor

    def __init__(self, generator: nn.Module, psi: float, latent_dim: int, classes: int) -> None:
        super().__init__()
        self.generator = generator
        self.psi = psi
        self.register_buffer("means", _mean_styles(generator, latent_dim, classes))

    def forward(self, latents: Tensor, *labels: Tensor) -> Tensor:
        """Return the images of latents [N, latent_dim] (and labels [N])."""
        styles = _part(self.generator, "mapping")(latents, *labels)  # [N, ...]
        means = self.means[labels[0]] if labels else self.means  # [N, ...] or [1, ...]
        return _part(self.generator, "synthesis")(torch.lerp(means, styles, self.psi), *labels)


@torch.no_grad()
def _mean_styles(generator: nn.Module, latent_dim: int, classes: int) -> Tensor:
    """Return the mean style of each class, or the only one, [classes or 1, ...]."""
    first = next(generator.parameters())
    latents = draw_latents(seed_of("mean style"), LATENTS, latent_dim).to(first)
    mapping = _part(generator, "mapping")
    if not classes:
        return mapping(latents).mean(0, keepdim=True)
    every = [torch.full((LATENTS,), label, device=first.device) for label in range(classes)]
    return torch.stack([mapping(latents, labels).mean(0) for labels in every])


def _part(generator: nn.Module, name: str) -> Callable[..., Tensor]:
    part: Callable[..., Tensor] = getattr(generator, name)
    return part
