"""Generated images, and what they are generated from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from gantool.training.randomness import Draws
from gantool.training.returned import like

if TYPE_CHECKING:
    from torch import Tensor

    from gantool.data.rows import Rows
    from gantool.training.game import Game
    from gantool.training.step import UpdateStep


class Fakes(NamedTuple):
    """Generated images [N, C, H, W], the latents [N, latent_dim] and labels [N] they are of."""

    images: Tensor
    latents: Tensor
    labels: Tensor | None


def generate(game: Game, step: UpdateStep, rows: Rows, *, with_graph: bool) -> Fakes:
    """Draw latents and labels, let the regularizers change the latents, and generate.

    Args:
        game: Networks and randomness.
        step: The update that needs the images; it is told latents and labels as they are drawn.
        rows: Which rows of the batch they are.
        with_graph: Whether the images can be differentiated in the generator's weights.
    """
    latents = Draws(game.streams, "latents", "", rows).normal(rows.count, game.setup.latent_dim)
    step.seen.latents, step.seen.fake_labels = latents, (labels := _labels(game, rows))
    for active in game.regularization.having("latents", step.player):
        found = active.call("latents", latents, step.for_(active, "latents"))
        latents = like(active, "latents", found, latents)
        step.seen.latents = latents
    with torch.set_grad_enabled(with_graph):
        return Fakes(game.forward("generator", latents, labels), latents, labels)


def _labels(game: Game, rows: Rows) -> Tensor | None:
    """Draw labels, all equally often or as frequent as in the data; None unless conditional."""
    labels = game.batches.labels
    if labels is None:
        return None
    draws = Draws(game.streams, "labels", "", rows)
    if game.uniform_labels:
        return draws.integers(0, game.setup.classes, rows.count)
    return labels[draws.integers(0, len(labels), rows.count)]
